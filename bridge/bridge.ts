// Decides which sockets the bridge listens on: one per stdio server version of the definitions it was given last.
import type { StdioServer } from '../core/catalog/catalog.ts';
import { canonicalJson } from '../core/runtime/canonical.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { BridgeLimits } from './bounds.ts';
import type { Child } from './child.ts';
import { Endpoint, type EndpointContext } from './endpoint.ts';
import { within } from './within.ts';

export interface BridgeOptions {
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** An unguessable id of visible ASCII for each session. */
  readonly randomId: () => string;
  readonly limits: BridgeLimits;
  /** Where PATH, HOME, LANG and TMPDIR of the children come from; nothing else of it reaches them. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  /** What the command `node` means. */
  readonly nodePath: string;
}

export interface Bridge {
  /**
   * Replaces the definitions. Resolves when every socket listens or was refused (logged, tried again by the next call);
   * sessions of changed and removed definitions finish their calls meanwhile. Calls are done one after the other.
   */
  apply(definitions: readonly StdioServer[]): Promise<void>;
  /** Gives up all sockets and ends all children within LIMITS.bridgeStopGraceMs. */
  close(): Promise<void>;
  /** Kills all children at once, synchronously: for a process that crashes. */
  killAll(): void;
}

export function createBridge(options: BridgeOptions): Bridge {
  const { log, limits } = options;
  const context: EndpointContext = { ...options, children: new Set<Child>(), sessions: new Set() };
  /** By socket path, which is what two definitions cannot share. */
  const endpoints = new Map<string, Endpoint>();
  const leaving = new Set<Endpoint>();
  let closed = false;
  let turn: Promise<void> = Promise.resolve();

  const leave = (endpoint: Endpoint): void => {
    leaving.add(endpoint);
    void endpoint.stop(limits.bridgeDrainMs, limits.bridgeStopGraceMs).then(() => leaving.delete(endpoint));
  };

  const listen = async (definition: StdioServer): Promise<void> => {
    const { server, version, socket } = definition;
    const endpoint = new Endpoint(definition, context);
    try {
      await endpoint.listen();
    } catch (error) {
      log.error({ server, version, reason: (error as Error).message }, 'the server cannot be bridged');
      return;
    }
    endpoints.set(socket, endpoint);
    log.info({ server, version, socket }, 'bridging');
  };

  const replaceAll = async (definitions: readonly StdioServer[]): Promise<void> => {
    const wanted = new Map<string, StdioServer>();
    for (const definition of definitions) {
      const { server, version, socket } = definition;
      if (wanted.has(socket)) log.error({ server, version, socket }, 'another server has this socket already');
      else wanted.set(socket, definition);
    }
    // First what goes, then what comes.
    for (const [socket, endpoint] of endpoints) {
      if (wanted.has(socket)) continue;
      endpoints.delete(socket);
      const { server, version } = endpoint.definition;
      log.info({ server, version }, 'no longer bridging');
      leave(endpoint);
    }
    for (const [socket, definition] of wanted) {
      if (closed) return;
      const endpoint = endpoints.get(socket);
      if (endpoint === undefined) await listen(definition);
      else if (canonicalJson(endpoint.definition) !== canonicalJson(definition)) {
        log.info({ server: definition.server, version: definition.version }, 'the definition changed');
        endpoint.replace(definition);
      }
    }
  };

  const inTurn = (step: () => Promise<void>): Promise<void> => {
    turn = turn.then(step, step);
    return turn;
  };

  return {
    apply: (definitions) =>
      inTurn(async () => {
        if (!closed) await replaceAll(definitions);
      }),
    close: () => {
      closed = true;
      return inTurn(async () => {
        const all = [...endpoints.values(), ...leaving];
        endpoints.clear();
        const graceMs = limits.bridgeStopGraceMs;
        // Children of sessions that ended shortly before belong to no endpoint any more.
        const ended = Promise.all([...context.children].map((child) => child.ended));
        await Promise.all([within(ended, graceMs), ...all.map((endpoint) => endpoint.stop(0, graceMs))]);
      });
    },
    killAll: () => {
      for (const child of context.children) child.kill();
    },
  };
}
