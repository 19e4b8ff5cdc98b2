import { expect, test } from 'vitest';
import type { CatalogIssuer, CatalogSurface } from '../catalog/catalog.ts';
import { challenge, metadataUrl, protectedResourceMetadata, scopeChallenge } from './metadata.ts';

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
  expect(challenge(OPS, new Map(), 'missing')).toBe(
    `Bearer resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp/ops"`,
  );
});

test('every refused token gets the same challenge', () => {
  const wanted = `Bearer error="invalid_token", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp"`;
  for (const reason of ['expired', 'bad_signature', 'malformed', 'wrong_audience', 'unknown_issuer'] as const) {
    expect(challenge(DEFAULT, new Map(), reason)).toBe(wanted);
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

const corp: [string, CatalogIssuer] = ['corp', { ...issuer('corp', 'https://corp.example')[1], scopes: ['read'] }];
const local = issuer('local', ORIGIN);

test('the local issuer is told only where there is no other: clients take the first one', () => {
  const told = (surface: CatalogSurface, ...issuers: [string, CatalogIssuer][]) =>
    protectedResourceMetadata(surface, new Map(issuers)).authorization_servers;
  expect(told(OPS, corp, local)).toEqual(['https://corp.example']);
  expect(told(OPS, local)).toEqual([ORIGIN]);
  expect(told({ ...OPS, issuers: ['local'] }, corp, local)).toEqual([ORIGIN]);
});

test('the scopes to ask for are those of the surface, or else of the issuers that it trusts', () => {
  const issuers = new Map([corp, local]);
  const scopes = (over: Partial<CatalogSurface>) => [
    protectedResourceMetadata({ ...OPS, ...over }, issuers).scopes_supported,
    /scope="([^"]*)"/.exec(challenge({ ...OPS, ...over }, issuers, 'missing'))?.[1],
  ];
  expect(scopes({})).toEqual([['read'], 'read']);
  expect(scopes({ scopes: ['a', 'b'] })).toEqual([['a', 'b'], 'a b']);
  expect(scopes({ scopes: [] })).toEqual([undefined, undefined]);
  expect(scopes({ issuers: ['local'] })).toEqual([undefined, undefined]);
});

test('a larger scope is asked for with all that the caller has, and with nothing that could break out of the header', () => {
  expect(scopeChallenge(DEFAULT, ['read', 'offline_access', 'a"b', 'read'], ['write'])).toBe(
    `Bearer error="insufficient_scope", scope="read write", resource_metadata="${metadataUrl(DEFAULT)}"`,
  );
});
