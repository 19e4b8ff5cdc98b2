// Decides in which network an address lies, so that endpoints reach only the networks that the operators allow.
import { BlockList, isIP } from 'node:net';
import type { EndpointAddress } from './endpoint.ts';

/** `reserved` is what nobody should be reached at: multicast, documentation, unspecified, future use. */
export type Network = 'public' | 'loopback' | 'private' | 'link-local' | 'reserved';

/** Those that can be allowed by name; an address that is `reserved` needs a range of its own. */
const NAMED: readonly Network[] = ['public', 'loopback', 'private', 'link-local'];

/** What is allowed: the items as they were written, the networks among them, and the ranges. */
export interface Networks {
  readonly items: readonly string[];
  readonly named: ReadonlySet<Network>;
  readonly ranges: Ranges;
}

/** One list for each family: a BlockList of IPv6 ranges would answer for IPv4 addresses too (`::/0` holds them all). */
interface Ranges {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

/**
 * The first range that holds an address decides. IANA's registries of special-purpose addresses (RFC 6890, of 2025), and
 * the addresses at which clouds tell a machine its own credentials: these are `link-local` wherever they lie, so that to
 * allow `private` does not allow them.
 */
const RANGES: readonly (readonly [Network, readonly string[]])[] = [
  ['link-local', ['169.254.0.0/16', '168.63.129.16/32', '100.100.100.200/32']],
  ['loopback', ['127.0.0.0/8']],
  // 100.64.0.0/10 is shared between a provider and its customers (RFC 6598): not reached from outside either.
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']],
  ['reserved', ['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15']],
  ['reserved', ['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4']],
  ['public', ['0.0.0.0/0']],
  ['loopback', ['::1/128']],
  ['link-local', ['fe80::/10', 'fd00:ec2::254/128', 'fd20:ce::254/128']],
  // fec0::/10 was for sites before fc00::/7 was (RFC 3879), and some still route it.
  ['private', ['fc00::/7', 'fec0::/10']],
  ['reserved', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']],
  // "Global Unicast" (RFC 4291 §2.4), as far as it is given out.
  ['public', ['2000::/3']],
];
const LISTS = RANGES.map(([network, ranges]) => [network, listOf(ranges)] as const);

/**
 * IPv6 addresses that stand for IPv4 ones: prefix in bits, where the four bytes are, and whether they are inverted. NAT64
 * (RFC 6052), 6to4 (RFC 3056), Teredo with its server and its client (RFC 4380).
 */
const EMBEDDED = [
  { list: listOf(['64:ff9b::/96']), places: [{ at: 12, invert: false }] },
  { list: listOf(['2002::/16']), places: [{ at: 2, invert: false }] },
  {
    list: listOf(['2001::/32']),
    places: [
      { at: 4, invert: false },
      { at: 12, invert: true },
    ],
  },
] as const;
const MAPPED = listOf(['::ffff:0:0/96']);

/** The items of the setting `endpoint-networks`: names of networks, and ranges as `10.1.0.0/16` or `fd00:1::/32`. */
export function parseNetworks(items: readonly string[]): Networks | { readonly problem: string } {
  const named = new Set<Network>();
  const ranges = listOf([]);
  for (const item of items) {
    const network = NAMED.find((name) => name === item);
    if (network !== undefined) named.add(network);
    else if (!addRange(ranges, item)) {
      return {
        problem: `endpoint-networks: found ${JSON.stringify(item)}, wanted ${NAMED.join(', ')} or a range like 10.1.0.0/16`,
      };
    }
  }
  return { items, named, ranges };
}

/**
 * Why an endpoint may not be where it is; null when it may. Names are judged when they are resolved (`addressProblem`),
 * all but `localhost`; the bytes of a Unix socket do not leave the machine, and its place is judged elsewhere.
 */
export function endpointProblem(address: EndpointAddress, networks: Networks): string | null {
  if (address.kind === 'unix') return null;
  const host = address.host.toLowerCase().replace(/\.$/, '');
  // "Name resolution APIs … SHOULD recognize localhost names as special" (RFC 6761 §6.3), and those below it.
  if (host === 'localhost' || host.endsWith('.localhost')) {
    return networks.named.has('loopback') ? null : sentence(address.host, 'loopback', networks);
  }
  return isIP(host) === 0 ? null : addressProblem(host, networks);
}

/** Why an address may not be reached; null when it may. Total: what is no address may not be. */
export function addressProblem(ip: string, networks: Networks): string | null {
  const plain = plainAddress(ip);
  if (plain === null) return `found ${JSON.stringify(ip)}, wanted an IP address`;
  if (isIn(networks.ranges, plain)) return null;
  const network = networkOf(plain);
  return networks.named.has(network) ? null : sentence(ip, network, networks);
}

function sentence(address: string, network: Network, { items }: Networks): string {
  const mend = NAMED.includes(network) ? `add "${network}" or a range to it` : 'only a range of its own would';
  const allowed = items.length === 0 ? 'nothing' : items.join(', ');
  return `${address} is in the network "${network}", which the setting endpoint-networks (${allowed}) does not allow: ${mend}`;
}

/** @param ip a plain address. */
function networkOf(ip: string): Network {
  const embedded = embeddedIn(ip);
  // What leads to another machine's loopback or private network is neither ours nor public.
  if (embedded.length > 0) return embedded.every((inner) => networkOf(inner) === 'public') ? 'public' : 'reserved';
  return LISTS.find(([, list]) => isIn(list, ip))?.[0] ?? 'reserved';
}

function embeddedIn(ip: string): readonly string[] {
  if (familyOf(ip) === 'ipv4') return [];
  const found = EMBEDDED.find(({ list }) => isIn(list, ip));
  if (found === undefined) return [];
  const bytes = bytesOf(ip);
  return found.places.map(({ at, invert }) =>
    [...bytes.subarray(at, at + 4)].map((b) => (invert ? b ^ 255 : b)).join('.'),
  );
}

/** Without a zone, and `::ffff:10.0.0.1` as the `10.0.0.1` that it reaches; null for what is no address. */
function plainAddress(ip: string): string | null {
  const [address = ''] = ip.split('%');
  if (isIP(address) === 0) return null;
  if (isIP(address) === 4 || !isIn(MAPPED, address)) return address;
  return bytesOf(address).subarray(12).join('.');
}

/** The 16 bytes of an IPv6 address. */
function bytesOf(ip: string): Uint8Array {
  // The URL parser writes the last four bytes in hexadecimal too.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const words = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail)];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIP(ip) === 4 ? 'ipv4' : 'ipv6';
}

function isIn(ranges: Ranges, ip: string): boolean {
  const family = familyOf(ip);
  return ranges[family].check(ip, family);
}

function listOf(ranges: readonly string[]): Ranges {
  const list = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) addRange(list, range);
  return list;
}

/** false: it is no range. Bits behind the prefix do not count. */
function addRange(list: Ranges, range: string): boolean {
  const match = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(range);
  const [ip = '', bits = 0] = match === null ? [] : [match[1], Number(match[2])];
  if (isIP(ip) === 0 || bits > (isIP(ip) === 4 ? 32 : 128)) return false;
  list[familyOf(ip)].addSubnet(ip, bits, familyOf(ip));
  return true;
}
