// Decides which figures the xDS bench reports, and whether its bounds hold.
import type { Burst, Changes } from './measure.ts';
import type { Totals } from './messages.ts';
import type { XdsOptions } from './options.ts';

export interface Measured {
  readonly loadMs: number;
  /** Until discovery had read all servers. */
  readonly readMs: number;
  /** With the whole registry. */
  readonly startMs: number;
  readonly memory: { readonly nowMb: number; readonly peakMb: number } | null;
  readonly first: Totals;
  readonly firstMs: number;
  readonly changes: Changes;
  readonly burst: Burst;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it may be at most; null: no bound. */
  readonly most: number | null;
}

/** A small burst lasts for a few pushes, however few writes it has. */
const PUSHES_MIN = 20;

/** Total. */
export function figuresOf(options: XdsOptions, measured: Measured): readonly Figure[] {
  const { changes, received } = measured.changes;
  const latencies = changes.map(({ latencyMs }) => latencyMs).sort((one, two) => one - two);
  const holders = changes.reduce((total, change) => total + change.holders, 0);
  const { burst } = measured;
  const figure = (name: string, value: number, unit: string, most: number | null = null): Figure => {
    return { name, value: Math.round(value * 100) / 100, unit, most };
  };
  return [
    figure('loading the registry over the API', measured.loadMs / 1000, 's'),
    figure('reading all servers', measured.readMs / 1000, 's'),
    figure('start with that registry', measured.startMs / 1000, 's', 10),
    ...(measured.memory === null
      ? []
      : [
          figure('resident memory with all clients', measured.memory.nowMb, 'MiB', 600),
          figure('resident memory at most', measured.memory.peakMb, 'MiB'),
        ]),
    figure(`first state of ${options.clients} clients`, measured.firstMs / 1000, 's'),
    figure('bytes of it', measured.first.bytes / 2 ** 20, 'MiB'),
    figure('resources for each client that holds what changed', ratio(received.resources, holders), '', 1),
    figure('resources that came beside those', received.resources - holders + received.removed, '', 0),
    figure('responses for each client that holds what changed', ratio(received.responses, holders), '', 1),
    figure('bytes for one changed endpoint, to all clients', ratio(received.bytes, changes.length), 'B'),
    figure('bytes for one changed endpoint, to each of them', ratio(received.bytes, holders), 'B'),
    figure("from the API's 200 to the last ACK, median", quantile(latencies, 0.5), 'ms', 250),
    figure("from the API's 200 to the last ACK, 95 %", quantile(latencies, 0.95), 'ms'),
    figure(`a burst of ${burst.writes} writes`, burst.durationMs / 1000, 's'),
    figure('pushes for it', burst.received.pushes, '', Math.max(PUSHES_MIN, burst.writes / 10)),
  ];
}

export function missed(figures: readonly Figure[]): readonly string[] {
  return figures.flatMap(({ name, value, unit, most }) =>
    most !== null && !(value <= most) ? [`${name}: found ${`${value} ${unit}`.trim()}, wanted at most ${most}`] : [],
  );
}

export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, most }) => {
    return `| ${name} | ${`${value} ${unit}`.trim()} | ${most === null ? '' : `${most} ${unit}`.trim()} |`;
  });
  return ['| | found | at most |', '|---|---|---|', ...rows, ''].join('\n');
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : part / whole;
}

/** Of sorted values. */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
