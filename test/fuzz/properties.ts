// Decides which properties there are.
import { EXCHANGE_PROPERTIES } from './exchange-properties.ts';
import { GRPC_PROPERTIES } from './grpc-properties.ts';
import { HANDLE_PROPERTIES } from './handle-properties.ts';
import { JSON_PROPERTIES } from './json-properties.ts';
import type { Property } from './property.ts';
import { SSE_PROPERTIES } from './sse-properties.ts';
import { TOKEN_PROPERTIES } from './token-properties.ts';

export const PROPERTIES: readonly Property[] = [
  ...JSON_PROPERTIES,
  ...SSE_PROPERTIES,
  ...TOKEN_PROPERTIES,
  ...HANDLE_PROPERTIES,
  ...GRPC_PROPERTIES,
  ...EXCHANGE_PROPERTIES,
];
