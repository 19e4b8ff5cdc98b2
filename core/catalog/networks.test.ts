import { describe, expect, test } from 'vitest';
import { parseEndpoint } from './endpoint.ts';
import { addressProblem, endpointProblem, type Networks, parseNetworks } from './networks.ts';

function networks(...items: string[]): Networks {
  const found = parseNetworks(items);
  if ('problem' in found) throw new Error(found.problem);
  return found;
}

const NONE = networks();
/** The network that an address is in, as the refusal says it. */
const networkOf = (ip: string): string | undefined =>
  /the network "([a-z-]+)"/.exec(addressProblem(ip, NONE) ?? '')?.[1];

describe('an address is in the network', () => {
  test.each([
    [
      'public',
      ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '169.253.255.255'],
    ],
    [
      'public',
      [
        '223.255.255.255',
        '198.17.255.255',
        '198.20.0.0',
        '192.0.1.0',
        '2606:4700::1111',
        '2a00:1450::1',
        '2001:200::1',
      ],
    ],
    ['loopback', ['127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1']],
    ['loopback', ['::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:7F00:0001', '0:0:0:0:0:ffff:7f00:1']],
    [
      'private',
      ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
    ],
    ['private', ['fc00::1', 'fd12:3456::1', 'fdff:ffff::1', 'fec0::1', '::ffff:10.0.0.1', '::ffff:a00:1']],
    ['link-local', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.169.254']],
    ['link-local', ['168.63.129.16', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']],
    [
      'reserved',
      ['0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0', '192.0.0.1', '192.0.0.192', '192.88.99.1', '198.18.0.1'],
    ],
    ['reserved', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1', '3fff:fff::1']],
    ['reserved', ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1', 'ff0e::1']],
    // IPv4-compatible (RFC 4291 §2.5.5.1, deprecated), discard, NAT64 of one's own, SRv6, not given out.
    ['reserved', ['::127.0.0.1', '::8.8.8.8', '100::1', '64:ff9b:1::a00:1', '5f00::1', '4000::1', '2001:20::1']],
  ])('%s: %s', (network, addresses) => {
    expect(addresses.map((ip) => [ip, networkOf(ip)])).toEqual(addresses.map((ip) => [ip, network]));
  });

  test.each([
    ['NAT64', 'public', '64:ff9b::8.8.8.8'],
    ['NAT64', 'reserved', '64:ff9b::127.0.0.1'],
    ['NAT64', 'reserved', '64:ff9b::a00:1'],
    ['NAT64', 'reserved', '64:ff9b::169.254.169.254'],
    ['6to4', 'public', '2002:808:808::1'],
    ['6to4', 'reserved', '2002:7f00:1::'],
    ['6to4', 'reserved', '2002:a9fe:a9fe::1'],
    ['6to4', 'reserved', '2002:c0a8:101:1::1'],
    // The client's address is written inverted: 10.0.0.1 is f5ff:fffe, 8.8.8.8 is f7f7:f7f7.
    ['Teredo', 'public', '2001:0:808:808:0:0:f7f7:f7f7'],
    ['Teredo', 'reserved', '2001:0:808:808:0:0:f5ff:fffe'],
    ['Teredo', 'reserved', '2001:0:a00:1:0:0:f7f7:f7f7'],
  ])('of the IPv4 address inside it, if that is public (%s): %s %s', (_, network, ip) => {
    expect(networkOf(ip)).toBe(network);
  });
});

describe('an endpoint', () => {
  const problem = (url: string, ...items: string[]): string | null => {
    const address = parseEndpoint(url);
    if (address === null) throw new Error(`not an endpoint: ${url}`);
    return endpointProblem(address, networks(...items));
  };

  test.each([
    ['http://2130706433/mcp', '127.0.0.1'],
    ['http://0x7f.1/mcp', '127.0.0.1'],
    ['http://0177.0.0.1/mcp', '127.0.0.1'],
    ['http://127.1:80/mcp', '127.0.0.1'],
    ['http://127.0.0.1./mcp', '127.0.0.1'],
    ['http://[::ffff:127.0.0.1]:3001/mcp', '::ffff:7f00:1'],
    ['http://[0:0:0:0:0:0:0:1]/mcp', '::1'],
    ['http://LocalHost:3001/mcp', 'localhost'],
    ['http://localhost./mcp', 'localhost.'],
    ['http://db.localhost/mcp', 'db.localhost'],
    ['http://%31%32%37.0.0.1/mcp', '127.0.0.1'],
  ])('on loopback however it is written is refused where loopback is not allowed: %s', (url, shown) => {
    expect(problem(url, 'public')).toBe(
      `${shown} is in the network "loopback", which the setting endpoint-networks (public) does not allow: add "loopback" or a range to it`,
    );
    expect(problem(url, 'loopback')).toBeNull();
  });

  test.each([
    ['http://10.0.0.1/mcp', 'private'],
    ['http://167772161/mcp', 'private'],
    ['http://0xa9fea9fe/latest', 'link-local'],
    ['http://[fe80::1]/mcp', 'link-local'],
    ['http://0/mcp', 'reserved'],
    ['http://0.0.0.0:3001/mcp', 'reserved'],
    ['http://[::]:3001/mcp', 'reserved'],
    ['http://[64:ff9b::7f00:1]/mcp', 'reserved'],
  ])('elsewhere is refused with the network that it is in: %s', (url, network) => {
    expect(problem(url, 'public', 'loopback')).toContain(`is in the network "${network}"`);
  });

  test.each([
    ['a public address', 'https://8.8.8.8/mcp', ['public']],
    ['a name, which is judged when it is resolved', 'https://mcp.example.com/mcp', []],
    ['a name that only looks like loopback', 'http://localhost.example.com/mcp', []],
    ['a Unix socket', 'unix:memory.sock:/mcp', []],
    ['an address in a range', 'http://10.1.2.3/mcp', ['10.1.0.0/16']],
    ['an address in an IPv6 range', 'http://[fd00:1::5]/mcp', ['fd00:1::/32']],
    ['a mapped address in an IPv4 range', 'http://[::ffff:10.1.2.3]/mcp', ['10.1.0.0/16']],
    ['a reserved address in a range of its own', 'http://192.0.2.1/mcp', ['192.0.2.1/32']],
  ])('passes: %s', (_, url, items) => {
    expect(problem(url, ...items)).toBeNull();
  });

  test.each([
    ['the neighbour of a range', 'http://10.2.0.0/mcp', ['10.1.0.0/16']],
    ['an IPv4 address where all of IPv6 is allowed', 'http://10.1.2.3/mcp', ['::/0']],
    ['an IPv6 address where all of IPv4 is allowed', 'http://[fd00::1]/mcp', ['0.0.0.0/0']],
    ['the credentials of a cloud where private is allowed', 'http://[fd00:ec2::254]/mcp', ['private']],
    ['everything where nothing is allowed', 'https://8.8.8.8/mcp', []],
  ])('is refused: %s', (_, url, items) => {
    expect(problem(url, ...items)).toContain('endpoint-networks');
  });
});

test('a reserved address is not allowed by any name', () => {
  expect(addressProblem('240.0.0.1', networks('public', 'loopback', 'private', 'link-local'))).toBe(
    '240.0.0.1 is in the network "reserved", which the setting endpoint-networks (public, loopback, private, link-local) does not allow: only a range of its own would',
  );
});

test.each(['', 'localhost', '127.0.0', '1.2.3.4.5', ':::', '[::1]', '8.8.8.8/32', '0x7f.1'])(
  'what is no address is refused: %j',
  (ip) => {
    expect(addressProblem(ip, networks('public'))).toBe(`found ${JSON.stringify(ip)}, wanted an IP address`);
  },
);

test.each([
  'Public',
  'everything',
  '',
  '10.0.0.1',
  '10.0.0.0/33',
  'fd00::/129',
  '10.0.0/8',
  '10.0.0.0/-1',
  '*',
  '10.0.0.0/8 ',
])('a setting that is none of the forms is a problem that quotes it: %j', (item) => {
  expect(parseNetworks(['public', item])).toEqual({
    problem: `endpoint-networks: found ${JSON.stringify(item)}, wanted public, loopback, private, link-local or a range like 10.1.0.0/16`,
  });
});
