// Decides what the xDS bench and the processes of its clients say to each other.

export interface StartOrder {
  readonly start: {
    readonly socket: string;
    /** Numbers of the clients, from the first one on. */
    readonly first: number;
    readonly count: number;
    readonly wildcards: number;
    readonly held: number;
    readonly servers: number;
  };
}

/** Report when every client of this process that holds the resource has acknowledged it. */
export interface WatchOrder {
  readonly watch: { readonly name: string };
}

/** Say what came until now. */
export interface TotalsOrder {
  readonly totals: true;
}

export type Order = StartOrder | WatchOrder | TotalsOrder;

/** What all clients of one process received. */
export interface Totals {
  readonly responses: number;
  readonly resources: number;
  readonly removed: number;
  readonly bytes: number;
  /** Different versions of the endpoints as a whole that the process's clients were sent. */
  readonly pushes: number;
}

export type Report =
  /** Every client holds all that it subscribes to. */
  | { readonly settled: true; readonly totals: Totals }
  | {
      readonly watched: string;
      /** Clients of this process that hold it. */
      readonly holders: number;
      /** When the last of them acknowledged it: nanoseconds of the system's monotonic clock; '' when none holds it. */
      readonly lastAckNs: string;
    }
  | { readonly totals: Totals }
  | { readonly trouble: string };
