// Decides where a service reaches the control plane, and with which certificate.
import { join } from 'node:path';
import { SOCKETS } from '../contract.ts';
import { readPemFile } from '../runtime/pem-file.ts';
import type { Settings } from '../runtime/settings.ts';

/** PEM. */
export interface ClientTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authorities of the control plane's certificate. */
  readonly ca: Buffer;
}

export interface AdsTarget {
  /** `unix:/path` or `host:port`. Secret kinds are served on a Unix socket and with TLS only. */
  readonly address: string;
  /** The certificate names the group and the node id, which must be those that the client says. */
  readonly tls?: ClientTls;
}

/** @throws StartError when a file cannot be read. */
export function adsTarget(
  settings: Pick<Settings, 'runDir' | 'adsAddress' | 'adsClientCert' | 'adsClientKey' | 'adsCa'>,
): AdsTarget {
  if (settings.adsAddress === '') return { address: `unix:${join(settings.runDir, SOCKETS.ads)}` };
  return {
    address: settings.adsAddress,
    tls: {
      cert: readPemFile(settings.adsClientCert, 'the certificate for ADS'),
      key: readPemFile(settings.adsClientKey, 'the key of the certificate for ADS'),
      ca: readPemFile(settings.adsCa, "the authorities of the control plane's certificate"),
    },
  };
}
