// Decides with which certificate ext-proc of several hosts show each other who they are.
import { readPemFile } from '../../core/runtime/pem-file.ts';
import type { Settings } from '../../core/runtime/settings.ts';
import type { ClientTls } from '../../core/xds-client/target.ts';

/** The one for ADS, which names group and node; undefined: there are Unix sockets only. @throws StartError when a file cannot be read. */
export function instanceTls(
  { instanceCa }: Pick<Settings, 'instanceCa'>,
  ads: ClientTls | undefined,
): ClientTls | undefined {
  if (instanceCa === '' || ads === undefined) return undefined;
  return { ...ads, ca: readPemFile(instanceCa, "the authorities of the other ext-proc's certificates") };
}
