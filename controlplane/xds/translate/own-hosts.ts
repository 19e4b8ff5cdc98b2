// Decides by which other names the gateway is reached where its public URL is one of loopback.
import type { Place } from './types.ts';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** Hosts with the gateway's port; none where the public URL is not of loopback. */
export function loopbackHosts({ publicUrl, port }: Pick<Place, 'publicUrl' | 'port'>): readonly string[] {
  return LOOPBACK.includes(new URL(publicUrl).hostname) ? LOOPBACK.map((name) => `${name}:${port}`) : [];
}
