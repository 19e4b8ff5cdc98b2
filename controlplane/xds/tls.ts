// Decides with which certificate ADS is served on TCP, and whose clients' certificates it takes.
import { readPemFile } from '../../core/runtime/pem-file.ts';
import type { Settings } from '../../core/runtime/settings.ts';

/** PEM. */
export interface AdsTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authorities of the clients' certificates. */
  readonly clientCa: Buffer;
}

/** undefined: plain TCP. @throws StartError when a file cannot be read. */
export function readAdsTls(
  settings: Pick<Settings, 'adsTlsCert' | 'adsTlsKey' | 'adsTlsClientCa'>,
): AdsTls | undefined {
  if (settings.adsTlsCert === '') return undefined;
  return {
    cert: readPemFile(settings.adsTlsCert, 'the certificate of ADS'),
    key: readPemFile(settings.adsTlsKey, 'the key of the certificate of ADS'),
    clientCa: readPemFile(settings.adsTlsClientCa, "the authorities of the ADS clients' certificates"),
  };
}
