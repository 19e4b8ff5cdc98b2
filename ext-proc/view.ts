// Decides which versions of a surface's servers a caller has, and so what he is shown and may call.
import type { Catalog, CatalogServer, CatalogSurface, ServerVersion } from '../core/catalog/catalog.ts';
import { type Chooser, choose } from '../core/catalog/choose.ts';
import { type Exposure, exposureOf } from '../core/catalog/exposure.ts';
import { shownTo } from '../core/catalog/tool-candidates.ts';
import type { JsonObject } from '../core/json.ts';
import type { Principal } from '../core/policy/types.ts';
import type { SessionState } from '../core/session/types.ts';
import { profileOf } from './backend/capabilities.ts';

// An open session is one object for as long as its token is remembered: its versions are chosen once for each revision.
// By catalog first, so that a session that nobody uses does not hold the catalog of its last call.
const views = new WeakMap<Catalog, WeakMap<SessionState, Exposure>>();

/**
 * The versions that the session was opened on; of servers that it has none of, those that its token id leads to. `surface`
 * is the session's.
 */
export function viewOf(catalog: Catalog, surface: CatalogSurface, session: SessionState): Exposure {
  let ofCatalog = views.get(catalog);
  if (ofCatalog === undefined) {
    ofCatalog = new WeakMap();
    views.set(catalog, ofCatalog);
  }
  const known = ofCatalog.get(session);
  if (known !== undefined) return known;
  const chooser = { key: session.tokenId, subject: session.subject };
  const exposure = exposureOf(
    catalog,
    surface,
    (server) => {
      const sealed = session.backends.find((backend) => backend.server === server.name)?.version;
      return versionFor(server, session, chooser, sealed);
    },
    profileOf(session.clientCapabilities),
  );
  ofCatalog.set(session, exposure);
  return exposure;
}

/** Without a session: the same principal is led to the same versions each time. `declared`: the client's capabilities. */
export function viewOfPrincipal(
  catalog: Catalog,
  surface: CatalogSurface,
  principal: Principal,
  declared: JsonObject = {},
): Exposure {
  const { issuer, subject } = principal;
  const chooser = { key: `${issuer} ${subject}`, subject };
  return exposureOf(catalog, surface, (server) => versionFor(server, principal, chooser), profileOf(declared));
}

function versionFor(
  server: CatalogServer,
  caller: Pick<Principal, 'issuer' | 'subject'>,
  chooser: Chooser,
  sealed?: string,
): ServerVersion | null {
  const version = choose(server, chooser, sealed);
  return version === null ? null : shownTo(version, caller);
}
