// Decides every bound in Chancery: sizes in bytes, times in milliseconds, counts; and asserts how they relate.

export const LIMITS = {
  /** Bytes of one JSON-RPC body a client may send; a setting (CHANCERY_BODY_BYTES_MAX). */
  bodyBytesMax: 4 * 1024 * 1024,
  /** Depth of nesting of a JSON body. */
  jsonDepthMax: 128,
  /** Members of a message, and of its params: the ones that are compared in each case and whose place is kept. */
  messageMembersMax: 256,
  /** A client must have sent its whole body within this. */
  bodyDeadlineMs: 30_000,

  /** A session token, as the client holds it. Header sections of 8 KiB are common, so half of that. */
  sessionTokenBytesMax: 4096,
  /** A session token is good for this long after `initialize`. */
  sessionTtlMs: 24 * 60 * 60 * 1000,
  /** Opened session tokens and verified bearer tokens remembered by one process, each. */
  tokenCacheEntriesMax: 20_000,
  /** Backend sessions that replaced dead ones, remembered by one ext-proc. */
  sideTableEntriesMax: 50_000,
  /** Bytes of a bearer token that we look at. */
  bearerBytesMax: 8192,
  /** Tolerated difference between our clock and an issuer's. */
  clockSkewMs: 30_000,

  /** Tool, prompt and server names as MCP 2025-11-25 (SEP-986) bounds them. */
  toolNameCharsMax: 128,
  serverNameCharsMax: 32,
  /** A name or URI longer than this is allowed to nobody. */
  targetNameCharsMax: 8192,
  /** Bytes of a request's id: it travels in headers and in Envoy's own answers. */
  requestIdBytesMax: 1024,
  /** Of a caller's own words, this much is repeated in an error or in the log. */
  echoedCharsMax: 256,
  /** Targets for which one process remembers which rules speak of them. */
  decisionTargetsMax: 50_000,

  /** A fan-out to backends (initialize, DELETE) waits this long for the slowest. */
  fanoutDeadlineMs: 5_000,
  fanoutWidthMax: 64,
  /** Bytes of a cancellation, an id and a reason, that is passed on to each backend. */
  cancelBytesMax: 16 * 1024,
  /** Bytes of a backend's answer that ext-proc or the control plane reads itself. */
  backendAnswerBytesMax: 16 * 1024 * 1024,

  /** GET streams one ext-proc holds open, and the pause between their keep-alive comments. */
  streamsMax: 20_000,
  streamKeepAliveMs: 25_000,
  /** Streams whose lists are compared in one go after the catalog changed. */
  streamsBatchMax: 50,

  /** Discovery of a server: one attempt, the pause between refreshes, the pauses after failures. */
  discoveryDeadlineMs: 10_000,
  discoveryIntervalMs: 5 * 60_000,
  discoveryRetryMinMs: 250,
  discoveryRetryMaxMs: 30_000,
  /** Tools, prompts, resources, templates of one server version, each. */
  discoveredItemsMax: 2_000,
  /** Servers that are read at the same time (of those that failed last, and of the others), and characters that are kept of the reason why one could not be. */
  discoveryWidthMax: 8,
  discoveryErrorCharsMax: 300,
  /** Failures of a server before the pauses grow, and before one that was never read is warned of: about two seconds. */
  discoveryQuietFailuresMax: 12,

  /** The bridge: children (over all servers), start, idle, one line of a child's output. */
  bridgeChildrenMax: 64,
  bridgeStartDeadlineMs: 15_000,
  bridgeIdleMs: 10 * 60_000,
  /** A session that nobody has used for this long gives way when there is no room for a new one. */
  bridgeYieldMs: 10_000,
  bridgeLineBytesMax: 8 * 1024 * 1024,
  bridgeStopGraceMs: 2_000,
  /** Sessions of a changed definition may finish their calls for this long. */
  bridgeDrainMs: 30_000,
  /** Unanswered calls of one session; bytes that wait for a child to read them; connections to one socket. */
  bridgeCallsMax: 256,
  bridgeInputBytesMax: 16 * 1024 * 1024,
  bridgeConnectionsMax: 4096,
  /** A reader that takes nothing holds up its session for at most this. */
  bridgeStallMs: 30_000,
  /** Of a child's standard error: bytes of one line and lines per second that reach the log. */
  bridgeLogLineBytesMax: 2048,
  bridgeLogLinesPerSecondMax: 20,

  /** A changed backend is shown to the services when its Envoys acknowledged it, or after this. */
  publishAckDeadlineMs: 3_000,
  /** Writes that arrive within this are published together. */
  publishDebounceMs: 20,
  /** Unacknowledged answers per xDS stream and type; newer state waits and coalesces. */
  xdsInFlightMax: 1,
  /** Bytes of one xDS message, either way: all servers with all their tools can be in one. */
  xdsMessageBytesMax: 64 * 1024 * 1024,
  /** Streams that the xDS server holds, and names that one of them may subscribe to, for each type. */
  xdsStreamsMax: 1_000,
  xdsNamesMax: 100_000,
  /** Characters kept of what a client says when it refuses a response, and of its own name. */
  xdsRefusalCharsMax: 2_000,
  xdsNodeIdCharsMax: 256,
  /** An xDS peer that is silent for this long is asked, and given up when it does not answer in time. */
  xdsKeepAliveMs: 20_000,
  xdsKeepAliveDeadlineMs: 5_000,
  /** The pauses between a service's attempts to reach the control plane. */
  xdsRetryMinMs: 50,
  xdsRetryMaxMs: 2_000,
  /** A service that never reached the control plane warns of it after this. */
  xdsFirstContactMs: 10_000,
  /** How long an xDS server waits for its streams to end when it closes. */
  xdsCloseDeadlineMs: 1_000,

  /** Tombstones that wait for a control plane that is away; the pauses between attempts to reach it. */
  reportsWaitingMax: 10_000,
  tombstoneSweepMs: 60_000,
  reconnectMinMs: 100,
  reconnectMaxMs: 2_000,

  /** What Envoy grants: connect to a backend, health-check period, streams and connections for each cluster. */
  connectDeadlineMs: 1_000,
  healthCheckIntervalMs: 2_000,
  healthCheckDeadlineMs: 1_000,
  healthCheckAgainMs: 250,
  backendConnectionsMax: 4_096,
  backendRequestsMax: 16_384,
  backendPendingMax: 4_096,
  backendRetriesMax: 64,
  serviceRequestsMax: 65_536,
  /** An answer may stream for as long as something is sent within this. */
  streamIdleMs: 3_600_000,
  headersDeadlineMs: 10_000,
  idempotentDeadlineMs: 15_000,
  /** Two of these without an answer, and Envoy refuses what waits for ext-proc. */
  serviceKeepAliveMs: 1_000,
  authzDeadlineMs: 2_000,
  adsKeepAliveMs: 30_000,
  clientConnectionsMax: 50_000,
  envoyHeapBytesMax: 2 * 1024 * 1024 * 1024,

  /** Bytes of a body that the REST API accepts. */
  apiBodyBytesMax: 10 * 1024 * 1024,
  apiDocumentsMax: 10_000,
  /** A command of the CLI waits this long for the REST API. */
  apiAnswerDeadlineMs: 15_000,
  /** The registry waits this long for another process that holds its lock. */
  registryBusyMs: 2_000,
  /** A file of the home folder that is read whole: a token, a key. */
  keyFileBytesMax: 16 * 1024,

  /** The supervisor's restart pauses, and how long a part may take to stop. */
  restartBackoffMinMs: 100,
  restartBackoffMaxMs: 5_000,
  stopGraceMs: 3_000,
  /** A part closes by itself within this after it was told to stop. */
  closeDeadlineMs: 2_500,
  /** Quick ends of one part before the first readiness after which a start is given up. */
  startFailuresMax: 5,
  /** The gateway must serve within this after a start; its servers must be read within this, or are named as missing. */
  readyDeadlineMs: 60_000,
  serversReadDeadlineMs: 15_000,
  /** When all that are missing have said why, a start waits no longer than this for them. */
  serversFailedDeadlineMs: 5_000,
  /** One question of the supervisor (is it ready?), and the pause between two. */
  probeDeadlineMs: 2_000,
  probePauseMs: 25,
  /** How often the supervisor looks whether its launcher (npm, a shell) is still there. */
  launcherPollMs: 250,
  /** npm passes a terminal's Ctrl-C on although the terminal sent it already: signals within this are one. */
  sameInterruptMs: 750,
  /** A start waits this long for an earlier instance that is going down. */
  earlierInstanceDeadlineMs: 5_000,
  /** One log file of a part (one older is kept beside it), one line of it, and lines shown on the terminal per window. */
  partLogBytesMax: 8 * 1024 * 1024,
  accessLogBytesMax: 64 * 1024 * 1024,
  accessLogCheckMs: 2_000,
  accessLogFlushMs: 500,
  partLogLineBytesMax: 64 * 1024,
  partEchoLinesMax: 10,
  partEchoWindowMs: 10_000,
  /** The same line of a part is shown again after this. */
  partEchoRepeatMs: 5 * 60_000,
  /** The room that is kept for the longest socket name when the run directory is chosen. */
  socketNameBytesMax: 40,

  /** sun_path is 108 bytes on Linux and 104 on macOS, with the closing NUL. */
  socketPathBytesMax: 103,
} as const;

function relation(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(`limits disagree: ${sentence}`);
}
relation(LIMITS.fanoutDeadlineMs < LIMITS.bodyDeadlineMs, 'a fan-out ends before a body would');
relation(LIMITS.bodyBytesMax <= LIMITS.bridgeLineBytesMax, 'a body that the gateway accepts fits a bridge line');
relation(LIMITS.bodyBytesMax <= LIMITS.bridgeInputBytesMax, 'a body that the gateway accepts can wait for a child');
relation(LIMITS.bridgeStopGraceMs < LIMITS.stopGraceMs, 'the bridge ends its children before it is ended itself');
relation(LIMITS.bridgeStopGraceMs < LIMITS.closeDeadlineMs, 'the bridge ends its children before it gives up closing');
relation(LIMITS.closeDeadlineMs < LIMITS.stopGraceMs, 'a part gives up closing before it is killed');
relation(LIMITS.xdsCloseDeadlineMs < LIMITS.stopGraceMs, 'the xDS server closes before the control plane is ended');
relation(LIMITS.xdsRetryMinMs <= LIMITS.xdsRetryMaxMs, 'the xDS retry pauses grow');
relation(LIMITS.discoveryRetryMinMs <= LIMITS.discoveryRetryMaxMs, 'the retry pauses grow');
