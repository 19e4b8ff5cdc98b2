// Decides which version a package of a server.json becomes: a program of a pinned version, its arguments and environment.
import { filledIn } from './filled-in.ts';
import { secretName } from './secret-name.ts';
import type { NamedInput, ServerJsonArgument, ServerJsonPackage } from './server-json.ts';

export interface ImportedPackage {
  /** Members of a server document's version. */
  readonly version: object;
  readonly secrets: readonly string[];
  readonly notes: readonly string[];
}

interface Runner {
  readonly command: string;
  readonly registry: RegExp;
  /** What may be a package: a name, never a flag, an address or a path. */
  readonly identifier: RegExp;
  readonly args: (identifier: string, version: string) => readonly string[];
}

const RUNNERS: Readonly<Record<string, Runner>> = {
  npm: {
    command: 'npx',
    registry: /^https:\/\/registry\.npmjs\.org\/?$/,
    identifier: /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/i,
    args: (identifier, version) => ['-y', `${identifier}@${version}`],
  },
  pypi: {
    command: 'uvx',
    registry: /^https:\/\/pypi\.org\/?$/,
    identifier: /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i,
    args: (identifier, version) => [`${identifier}@${version}`],
  },
};

/** One version: no tag such as `latest`, no range such as `1.x` or `^1.2`. */
const PINNED = /^v?\d[0-9A-Za-z]*([.+_-][0-9A-Za-z]+)*$/;

/** A sentence when it cannot be used. */
export function packageVersion(packaged: ServerJsonPackage, server: string): ImportedPackage | string {
  const { registryType, registryBaseUrl, identifier, version = '', transport } = packaged;
  const runner = Object.hasOwn(RUNNERS, registryType) ? RUNNERS[registryType] : undefined;
  if (runner === undefined)
    return `packages of ${JSON.stringify(registryType)} are not run, wanted ${Object.keys(RUNNERS).join(' or ')}`;
  if (registryBaseUrl !== undefined && !runner.registry.test(registryBaseUrl))
    return `it comes from ${JSON.stringify(registryBaseUrl)}, wanted the public registry`;
  if (transport.type !== 'stdio') return `its transport is ${JSON.stringify(transport.type)}, wanted stdio`;
  if (!runner.identifier.test(identifier)) return `${JSON.stringify(identifier)} is not the name of a package`;
  if (!PINNED.test(version) || /(^|\.)x(\.|$)/i.test(version))
    return `its version is ${JSON.stringify(version)}, wanted one version and no range`;
  const args = packaged.packageArguments.map(argumentOf);
  const env = packaged.environmentVariables.map((variable) => variableOf(variable, server));
  const notes = [
    ...packaged.runtimeArguments.map(() => `an argument for ${runner.command} itself is left out`),
    ...[...args, ...env].flatMap(({ note }) => (note === undefined ? [] : [note])),
  ];
  const stdio = {
    command: runner.command,
    args: [...runner.args(identifier, version), ...args.flatMap(({ texts }) => texts)],
    env: Object.fromEntries(env.flatMap(({ entry }) => (entry === undefined ? [] : [entry]))),
  };
  return { version: { stdio }, secrets: env.flatMap(({ secret }) => secret ?? []), notes };
}

interface Argument {
  readonly texts: readonly string[];
  readonly note?: string;
}

function argumentOf(argument: ServerJsonArgument): Argument {
  const name = argument.type === 'named' ? argument.name : (argument.valueHint ?? 'positional');
  if (argument.isSecret === true)
    return { texts: [], note: `the argument ${JSON.stringify(name)} is a secret, which arguments cannot be: left out` };
  const given = argument.value ?? argument.default;
  if (given === undefined) {
    if (argument.isRequired !== true) return { texts: [] };
    return { texts: [], note: `the argument ${JSON.stringify(name)} needs a value: put it into stdio.args` };
  }
  const filled = filledIn(given, argument.variables);
  if ('missing' in filled)
    return {
      texts: [],
      note: `the argument ${JSON.stringify(name)} needs {${filled.missing}}: put it into stdio.args`,
    };
  // "A command-line `--flag={value}`"; a flag without a value is one with an empty one.
  if (argument.type === 'positional') return { texts: [filled.text] };
  return { texts: [filled.text === '' ? name : `${name}=${filled.text}`] };
}

interface Variable {
  readonly entry?: readonly [string, string | { readonly secret: string }];
  readonly secret?: string;
  readonly note?: string;
}

function variableOf(
  { name, isSecret, isRequired, value, default: usual, variables }: NamedInput,
  server: string,
): Variable {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return { note: `${JSON.stringify(name)} is not the name of a variable: left out` };
  if (isSecret === true) {
    // One that may be left out would keep the server from being written until it exists.
    if (isRequired !== true) return { note: `the variable ${name} may hold a secret: left out` };
    const secret = secretName(server, name);
    return { entry: [name, { secret }], secret };
  }
  const given = value ?? usual;
  if (given === undefined)
    return isRequired === true ? { note: `the variable ${name} needs a value: put it into stdio.env` } : {};
  const filled = filledIn(given, variables);
  if ('missing' in filled) return { note: `the variable ${name} needs {${filled.missing}}: put it into stdio.env` };
  return { entry: [name, filled.text] };
}
