// Decides what the bridge's process runs with: where it gets its definitions, and what its children are given.
import { join } from 'node:path';
import { SOCKETS } from '../core/contract.ts';
import { LIMITS } from '../core/limits.ts';
import type { Settings } from '../core/runtime/settings.ts';
import type { BridgeOptions } from './bridge.ts';

export interface BridgeConfig extends Pick<BridgeOptions, 'limits' | 'baseEnv' | 'nodePath'> {
  /** Of ADS. Definitions carry secrets, so they are served on the Unix socket only. */
  readonly address: string;
  readonly nodeId: string;
}

export function readConfig(settings: Settings): BridgeConfig {
  return {
    address: `unix:${join(settings.runDir, SOCKETS.ads)}`,
    nodeId: `bridge-${process.pid}`,
    limits: { ...LIMITS, bodyBytesMax: settings.bodyBytesMax },
    baseEnv: process.env,
    nodePath: process.execPath,
  };
}
