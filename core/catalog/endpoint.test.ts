import { describe, expect, test } from 'vitest';
import { type EndpointAddress, parseEndpoint } from './endpoint.ts';

describe('an endpoint', () => {
  const tcp: EndpointAddress = {
    kind: 'tcp',
    tls: false,
    host: '127.0.0.1',
    port: 3001,
    path: '/mcp',
    authority: '127.0.0.1:3001',
  };
  const unix: EndpointAddress = {
    kind: 'unix',
    tls: false,
    host: 'a.sock',
    port: 0,
    path: '/mcp',
    authority: 'localhost',
  };
  test.each<[string, EndpointAddress]>([
    ['http://127.0.0.1:3001/mcp', tcp],
    ['http://api.example.com/', { ...tcp, host: 'api.example.com', port: 80, path: '/', authority: 'api.example.com' }],
    ['http://api.example.com', { ...tcp, host: 'api.example.com', port: 80, path: '/', authority: 'api.example.com' }],
    [
      'https://API.example.com:443/Mcp',
      { ...tcp, tls: true, host: 'api.example.com', port: 443, path: '/Mcp', authority: 'api.example.com' },
    ],
    [
      'https://api.example.com:8443/a/../b',
      { ...tcp, tls: true, host: 'api.example.com', port: 8443, path: '/b', authority: 'api.example.com:8443' },
    ],
    ['http://[::1]:3001/mcp', { ...tcp, host: '::1', authority: '[::1]:3001' }],
    // One spelling of an address: no filter on the text is fooled by another.
    ['http://2130706433:3001/mcp', tcp],
    ['http://0x7f.1:3001/mcp', tcp],
    ['unix:a.sock:/mcp', unix],
    ['unix:/srv/a.sock:/mcp', { ...unix, host: '/srv/a.sock' }],
    ['unix:@abstract:/mcp', { ...unix, host: '@abstract' }],
  ])('%s', (text, wanted) => {
    expect(parseEndpoint(text)).toEqual(wanted);
  });

  test.each([
    '',
    'http://',
    'ftp://127.0.0.1/mcp',
    'file:///etc/passwd',
    'HTTP://127.0.0.1/mcp',
    'http:127.0.0.1/mcp',
    'http://user@127.0.0.1/mcp',
    'http://user:secret@127.0.0.1/mcp',
    'http://127.0.0.1/mcp?x=1',
    'http://127.0.0.1/mcp#x',
    'http://127.0.0.1:0/mcp',
    'http://127.0.0.1:65536/mcp',
    'http://127.0.0.1:3001/m cp',
    'http://127.0.0.1:3001/mcp\n',
    ' http://127.0.0.1:3001/mcp',
    'http://exämple.com/mcp',
    'unix:a.sock',
    'unix:a.sock:mcp',
    'unix::/mcp',
    'unix:../a.sock:/mcp',
    'unix:/srv/../a.sock:/mcp',
    'unix:a b.sock:/mcp',
    'unix:a.sock:/m cp',
    'unix:a\0.sock:/mcp',
  ])('%j is none', (text) => {
    expect(parseEndpoint(text)).toBeNull();
  });
});
