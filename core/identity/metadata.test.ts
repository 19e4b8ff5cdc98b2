import { expect, test } from 'vitest';
import type { CatalogIssuer, CatalogSurface } from '../catalog/catalog.ts';
import { challenge, metadataUrl, protectedResourceMetadata } from './metadata.ts';

const ORIGIN = 'https://gateway.example';
const surfaceOf = (name: string, path: string): CatalogSurface => ({
  name,
  url: `${ORIGIN}${path}`,
  path,
  auth: 'token',
  decision: 'ext_proc',
  naming: 'bare',
  members: [],
});
const DEFAULT = surfaceOf('default', '/mcp');
const OPS = surfaceOf('ops', '/mcp/ops');
const issuer = (name: string, url: string): [string, CatalogIssuer] => [
  name,
  { name, issuer: url, algorithms: ['ES256'], jwks: { keys: [] } },
];

test('the well-known part goes between host and path', () => {
  expect(metadataUrl(DEFAULT)).toBe(`${ORIGIN}/.well-known/oauth-protected-resource/mcp`);
  expect(metadataUrl(OPS)).toBe(`${ORIGIN}/.well-known/oauth-protected-resource/mcp/ops`);
});

test('a request without a token is told where to look, and no error', () => {
  expect(challenge(OPS, 'missing')).toBe(
    `Bearer resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp/ops"`,
  );
});

test('every refused token gets the same challenge', () => {
  const wanted = `Bearer error="invalid_token", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp"`;
  for (const reason of ['expired', 'bad_signature', 'malformed', 'wrong_audience', 'unknown_issuer'] as const) {
    expect(challenge(DEFAULT, reason)).toBe(wanted);
  }
});

test('the metadata names the surface and each issuer once; what is no URL is no authorization server', () => {
  const issuers = new Map([
    issuer('a', 'https://a.example'),
    issuer('b', 'https://b.example/realm'),
    issuer('c', 'https://a.example'),
    issuer('d', 'chancery-local'),
  ]);
  expect(protectedResourceMetadata(OPS, issuers)).toEqual({
    resource: `${ORIGIN}/mcp/ops`,
    authorization_servers: ['https://a.example', 'https://b.example/realm'],
    bearer_methods_supported: ['header'],
    resource_name: 'MCP surface ops',
  });
});
