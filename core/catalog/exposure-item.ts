// Decides how one tool, prompt, resource or template of a backend looks on a surface.
import { isObject, parseExact } from '../json.ts';
import type { ListKind } from '../mcp/methods.ts';
import { folded } from '../mcp/scan.ts';
import type { Facts } from '../policy/types.ts';
import type { CatalogServer, Json, JsonObject, Listed, ServerVersion, SurfaceMember } from './catalog.ts';
import type { MappedTool } from './documents/surface.ts';
import { factsOf, overlaid } from './facts.ts';
import { chosen } from './names.ts';

/** A server version as a member of a surface. */
export interface Backend {
  readonly member: SurfaceMember;
  readonly server: CatalogServer;
  readonly version: ServerVersion;
}

/** Arguments that a mapped tool takes from the surface and not from its caller. */
export interface Fixing {
  /** Hidden and fixed ones, with their case folded: some servers take either spelling. */
  readonly taken: ReadonlySet<string>;
  /** JSON members, e.g. `"a":1,"b":[]`; '' for none. */
  readonly members: string;
  /** The same as values. */
  readonly values: JsonObject;
}

export interface Exposed {
  readonly server: CatalogServer;
  readonly version: ServerVersion;
  /** The server's own name or URI: what policies speak of. */
  readonly name: string;
  readonly publicName: string;
  /** Null: all arguments are the caller's. */
  readonly fixing: Fixing | null;
  /** What rules may ask of it. */
  readonly facts: Facts;
  /** The server's own, against which arguments are checked; null: it takes what comes. */
  readonly inputSchema: JsonObject | null;
}

/** Member of `_meta`: a client may load this tool when it needs it. */
const DEFERRED = 'chancery/deferred';

/** What a surface makes of one item of a list. */
export class ExposedItem implements Exposed {
  readonly server: CatalogServer;
  readonly version: ServerVersion;
  readonly name: string;
  readonly publicName: string;
  readonly fixing: Fixing | null;
  readonly deferred: boolean;
  readonly #item: Listed;
  readonly #kind: ListKind;
  readonly #map: MappedTool | undefined;
  #json: string | null = null;

  constructor(backend: Backend, kind: ListKind, item: Listed, name: string, publicName: string, map?: MappedTool) {
    this.server = backend.server;
    this.version = backend.version;
    this.name = name;
    this.publicName = publicName;
    this.fixing = map === undefined ? null : fixingOf(map);
    this.deferred = kind === 'tools' && chosen(backend.member.deferred ?? [], name);
    this.#item = item;
    this.#kind = kind;
    this.#map = map;
  }

  get facts(): Facts {
    return factsOf(this.server, this.version, this.#kind === 'tools' ? this.#item : null, this.name);
  }

  get inputSchema(): JsonObject | null {
    const { inputSchema } = this.#item;
    return this.#kind === 'tools' && inputSchema !== undefined ? objectOf(inputSchema) : null;
  }

  /** As lists show it; written once, since it is immutable. */
  json(): string {
    this.#json ??= JSON.stringify(this.shown());
    return this.#json;
  }

  /** The input schema that lists show, as JSON. */
  schemaText(): string {
    return JSON.stringify(this.shown().inputSchema);
  }

  /** As `json`, with another input schema: one valid JSON text. */
  jsonWith(schemaText: string): string {
    return JSON.stringify({ ...this.shown(), inputSchema: parseExact(schemaText) as Json });
  }

  shown(): JsonObject {
    if (this.#kind === 'resources' || this.#kind === 'resourceTemplates') return this.#item;
    const named = { ...this.#item, name: this.publicName };
    if (this.#kind === 'prompts') return named;
    const overrides = overlaid(this.server.annotations, this.name);
    return {
      ...named,
      ...(this.#map !== undefined && mapped(named, this.#map)),
      ...(overrides !== null && { annotations: { ...objectOf(this.#item.annotations), ...overrides } }),
      ...(this.deferred && { _meta: { ...objectOf(this.#item._meta), [DEFERRED]: true } }),
    };
  }

  /** What the schemas of a tool add to a model's context, in bytes of JSON. */
  schemaBytes(): number {
    const { inputSchema, outputSchema } = this.shown();
    return [inputSchema, outputSchema].reduce<number>(
      (sum, schema) => sum + (schema === undefined ? 0 : Buffer.byteLength(JSON.stringify(schema))),
      0,
    );
  }
}

/** Null where nothing is taken: the call goes on as it came. */
export function fixingOf({ hide, fix }: MappedTool): Fixing | null {
  const names = [...hide, ...Object.keys(fix)];
  if (names.length === 0) return null;
  return { taken: new Set(names.map(folded)), members: JSON.stringify(fix).slice(1, -1), values: fix };
}

function mapped(item: Listed, { title, description, hide, fix }: MappedTool): JsonObject {
  const taken = new Set([...hide, ...Object.keys(fix)]);
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(taken.size > 0 && { inputSchema: withoutArguments(objectOf(item.inputSchema), taken) }),
  };
}

function withoutArguments(schema: JsonObject, taken: ReadonlySet<string>): JsonObject {
  const { properties, required, ...rest } = schema;
  const left = Object.entries(objectOf(properties)).filter(([name]) => !taken.has(name));
  const wanted = Array.isArray(required) ? required.filter((name) => !taken.has(String(name))) : [];
  return {
    ...rest,
    ...(properties !== undefined && { properties: Object.fromEntries(left) }),
    // An empty list is not allowed by each version of JSON Schema.
    ...(wanted.length > 0 && { required: wanted }),
  };
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
