// Decides whether an address lies in one of several networks.
import { BlockList, isIP } from 'node:net';

/** Total; an address that is none lies nowhere. */
export type AddressTest = (address: string) => boolean;

/** null when one of them is not `ADDRESS/BITS` or an address. An IPv4 address that is written as IPv6 is the IPv4 one. */
export function compileNetworks(networks: readonly string[]): AddressTest | null {
  // A list for each family: one of IPv6 networks would answer for IPv4 addresses too (`::/0` holds them all).
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.split('/');
    const family = familyOf(address);
    if (family === null || rest.length > 0) return null;
    const length = family === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? length : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (prefix < 0 || prefix > length) return null;
    lists[family].addSubnet(address, prefix, family);
  }
  return (written) => {
    const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(written)?.[1] ?? written;
    const family = familyOf(address);
    return family !== null && lists[family].check(address, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6';
}
