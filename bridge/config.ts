// Decides what the bridge's process runs with: where it gets its definitions, and what its children are given.
import { LIMITS } from '../core/limits.ts';
import type { Settings } from '../core/runtime/settings.ts';
import type { BridgeOptions } from './bridge.ts';

export interface BridgeConfig extends Pick<BridgeOptions, 'limits' | 'baseEnv' | 'nodePath'> {
  readonly nodeId: string;
}

export function readConfig(settings: Settings): BridgeConfig {
  return {
    nodeId: `bridge-${process.pid}`,
    limits: { ...LIMITS, bodyBytesMax: settings.bodyBytesMax },
    baseEnv: process.env,
    nodePath: process.execPath,
  };
}
