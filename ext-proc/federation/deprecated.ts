// Decides how a caller is told that a version of a server which he uses is deprecated.
import type { Deprecation, ServerVersion } from '../../core/catalog/catalog.ts';
import { activeVersion } from '../../core/catalog/choose.ts';
import type { Viewer } from '../../core/catalog/govern.ts';
import { METADATA } from '../../core/contract.ts';
import type { JsonObject } from '../../core/json.ts';
import { sees } from './visible.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

/** In answers that are composed here. */
export interface Notice {
  /** Members of the result; none where nothing is deprecated. */
  readonly members: { readonly _meta?: JsonObject };
  readonly headers: Pairs;
}

const NOTE = 'chancery/deprecated';
const NOTHING: Notice = { members: {}, headers: [] };
const NO_VALUES: Pairs = [];

// A version is immutable: what is told of it is written once.
const values = new WeakMap<ServerVersion, Pairs>();

/** For a call that Envoy relays: the metadata of which its route makes the headers. */
export function deprecationMetadata(version: ServerVersion): Pairs {
  const deprecation = deprecationOf(version);
  if (deprecation === null) return NO_VALUES;
  let pairs = values.get(version);
  if (pairs === undefined) {
    pairs = headersOf([deprecation], METADATA.deprecation, METADATA.sunset);
    values.set(version, pairs);
  }
  return pairs;
}

/** For a call that is made here. */
export function deprecationHeaders(version: ServerVersion): Pairs {
  const deprecation = deprecationOf(version);
  return deprecation === null ? NO_VALUES : headersOf([deprecation], 'deprecation', 'sunset');
}

/** For initialize, lists and ping. A caller is told of versions of which he sees something. */
export function noticeFor(viewer: Viewer): Notice {
  const deprecated = viewer.exposure.served.filter(
    (version) => deprecationOf(version) !== null && sees(viewer, version),
  );
  if (deprecated.length === 0) return NOTHING;
  const notes = deprecated.map((version): JsonObject => {
    const { sinceMs, sunsetMs } = version.deprecation!;
    const server = viewer.catalog.servers.get(version.name);
    const active = server === undefined ? null : activeVersion(server);
    return {
      server: version.name,
      version: version.version,
      since: new Date(sinceMs).toISOString(),
      ...(sunsetMs !== undefined && { sunset: new Date(sunsetMs).toISOString() }),
      ...(active !== null && { activeVersion: active.version }),
    };
  });
  const headers = headersOf(
    deprecated.map(({ deprecation }) => deprecation!),
    'deprecation',
    'sunset',
  );
  return { members: { _meta: { [NOTE]: notes } }, headers };
}

function deprecationOf({ state, deprecation }: ServerVersion): Deprecation | null {
  return state === 'deprecated' && deprecation !== undefined ? deprecation : null;
}

/** RFC 9745 and RFC 8594; of several, what comes first. */
function headersOf(deprecations: readonly Deprecation[], deprecation: string, sunset: string): Pairs {
  const sinceMs = Math.min(...deprecations.map((each) => each.sinceMs));
  const sunsets = deprecations.flatMap(({ sunsetMs }) => sunsetMs ?? []);
  return [
    [deprecation, `@${Math.floor(sinceMs / 1000)}`],
    ...(sunsets.length === 0 ? [] : [[sunset, new Date(Math.min(...sunsets)).toUTCString()] as const]),
  ];
}
