// Decides how Envoy is given a secret, and by which name other resources ask for it.
import type { SecretData } from '../../../core/catalog/document.ts';
import type { Backend, EnvoyJson } from './types.ts';
import { OVER_ADS } from './types.ts';

const PREFIX = 'secret/';

export function secretName(name: string): string {
  return `${PREFIX}${name}`;
}

/** The name of the document. */
export function documentOf(resource: string): string {
  return resource.slice(PREFIX.length);
}

/** In place of a secret: where Envoy gets it, also when it changes. */
export function sdsSecret(name: string): EnvoyJson {
  return { name: secretName(name), sds_config: OVER_ADS };
}

/** The names of the secrets without which Envoy cannot reach the backend. */
export function secretsOf({ auth, tls }: Backend): readonly string[] {
  return [
    ...(auth === undefined ? [] : [auth.secret]),
    ...(tls?.clientCertificate === undefined ? [] : [tls.clientCertificate]),
  ];
}

/** The one kind of resource with a secret in it. */
export function secret(name: string, data: SecretData): EnvoyJson {
  const inline = (text: string): EnvoyJson => ({ inline_string: text });
  return data.type === 'opaque'
    ? { name: secretName(name), generic_secret: { secret: inline(data.value) } }
    : {
        name: secretName(name),
        tls_certificate: { certificate_chain: inline(data.certificate), private_key: inline(data.privateKey) },
      };
}
