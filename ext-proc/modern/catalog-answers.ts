// Decides the answers of the modern era that come from the catalog: server/discover, and lists.
import { LIMITS } from '../../core/limits.ts';
import { resultText } from '../../core/mcp/json-rpc.ts';
import { LISTS, type ListKind } from '../../core/mcp/methods.ts';
import { MODERN_VERSIONS } from '../../core/mcp/versions.ts';
import { noticeFor } from '../federation/deprecated.ts';
import { pageOf } from '../federation/pages.ts';
import { shown } from '../federation/visible.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import type { ModernCall } from './call.ts';
import { cachingOf, capabilitiesFor, instructionsOf, metaOf } from './described.ts';

/** "A server MUST implement `server/discover`" (MCP 2026-07-28, server/discover). */
export function discover(call: ModernCall): Outcome {
  const { members, headers } = noticeFor(call);
  const instructions = instructionsOf(call);
  const result = {
    resultType: 'complete',
    supportedVersions: MODERN_VERSIONS,
    capabilities: capabilitiesFor(call),
    ...(instructions !== '' && { instructions }),
    ...cachingOf(call.surface),
    _meta: metaOf(call, members._meta),
  };
  return immediate(200, resultText(call.message.idText, JSON.stringify(result)), 'chancery_discover', headers);
}

export function listModern(call: ModernCall, kind: ListKind): Outcome {
  const { message, surface } = call;
  const page = pageOf(call, message, kind, shown(call, kind), LIMITS.listPageItemsMax);
  if (page === null) return refuse({ code: 'invalid_params', detail: 'unknown cursor' }, message.idText);
  const { members, headers } = noticeFor(call);
  const items = page.items.map(({ text }) => text());
  const next = page.nextCursor === null ? '' : `,"nextCursor":${JSON.stringify(page.nextCursor)}`;
  const { ttlMs, cacheScope } = cachingOf(surface);
  const meta = JSON.stringify(metaOf(call, members._meta));
  const result = `{"resultType":"complete","${LISTS[kind].member}":[${items.join()}]${next},"ttlMs":${ttlMs},"cacheScope":"${cacheScope}","_meta":${meta}}`;
  return immediate(200, resultText(message.idText, result), `chancery_list_${kind}`, headers);
}
