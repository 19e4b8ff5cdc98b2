// Decides every bound of the bench: times in milliseconds, sizes in bytes, counts.

export const BOUNDS = {
  /** The head of an HTTP message, a line of the chunked coding, a body. */
  headBytesMax: 64 * 1024,
  lineBytesMax: 1024,
  bodyBytesMax: 16 * 1024 * 1024,
  /** Sessions that the backend remembers. */
  backendSessionsMax: 100_000,

  /** One call of the generator; and how often it looks for calls that are over it. */
  callDeadlineMs: 10_000,
  callWatchMs: 500,
  /** The pause before a session whose call failed connects again. */
  reconnectPauseMs: 50,
  /** Of the first failures of a run, this many are kept in words, each with this many characters at most. */
  failuresKept: 3,
  failureCharsMax: 300,
  /** A run may take this much longer than what was asked of it. */
  runGraceMs: 15_000,
  /** The longest a single call may take on average in a run of a given number of calls. */
  soakCallMs: 5,
  progressMs: 5_000,

  /** Chancery's start, from the first process to the line `ready`; and a process of the bench's own. */
  stackReadyDeadlineMs: 75_000,
  childReadyDeadlineMs: 15_000,
  /** The servers must be read, and the surface served, within this; and the pause between two looks. */
  surfaceDeadlineMs: 30_000,
  lookPauseMs: 100,
  /** One request of the bench to the REST API, one MCP message before a run, one command of the CLI. */
  requestDeadlineMs: 10_000,
  commandDeadlineMs: 20_000,
  answerBytesMax: 4 * 1024 * 1024,
  /** TERM, then KILL: the supervisor stops three stages of parts, each with its own grace. */
  stackStopGraceMs: 12_000,
  childStopGraceMs: 2_000,
  /** Characters kept of what a child writes. */
  childWordsMax: 8 * 1024,
  psDeadlineMs: 2_000,

  /** The xDS bench: one request that writes a thousand documents; a state on its way to all clients; writes at once. */
  applyDeadlineMs: 60_000,
  arrivalDeadlineMs: 120_000,
  burstWidth: 32,
  /** Discovery reads all servers within this; the pause between two looks. */
  readDeadlineMs: 600_000,
  readPauseMs: 2_000,

  /** The policy bench: one measurement in a process of its own. */
  policyChildDeadlineMs: 120_000,
} as const;
