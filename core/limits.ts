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
  /** Of the end of a label: how often one that is left again and again is stored. */
  labelStepMs: 60 * 60 * 1000,
  /** Characters of a handle (cursor, event id, request state …) that is looked at. */
  handleCharsMax: 64 * 1024,
  /** A request state is good for this long: a person may have to answer what the server asks. */
  requestStateTtlMs: 60 * 60 * 1000,
  /** In the modern era a list is good for this long, if nothing is told of it before. */
  listTtlMs: 5_000,
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
  /** How deep a condition nests. */
  conditionDepthMax: 100,
  /** What one evaluation of a condition may cost: about one node of its tree for each item of a list, a step. */
  conditionStepsMax: 100_000,
  /** Sub-expressions of one condition that are explained. */
  traceLinesMax: 200,
  /** Sources of conditions of which one process remembers what they compiled to. */
  conditionsCachedMax: 20_000,
  /** Characters of a pattern (of a condition, of a schema), and instructions that it compiles to. */
  patternCharsMax: 1024,
  patternInstructionsMax: 2000,
  /** Values that one limit of an advertised schema lists. */
  residualValuesMax: 100,
  /** Of a tool's inputSchema: depth, subschemas, patterns, steps through `$ref` of one check, values that it lists. */
  schemaDepthMax: 64,
  schemaPartsMax: 5000,
  schemaPatternsMax: 200,
  schemaStepsMax: 20_000,
  schemaValuesMax: 20_000,
  /** Places of a tool's change that are told one by one; changes of one version's tools that are remembered when they are over. */
  toolDifferencesMax: 200,
  toolChangesKeptMax: 500,
  /** Of one reading. */
  toolChangesLoggedMax: 10,
  /** Schemas that share one compiler. */
  schemasPerCompilerMax: 100,
  /** Characters that the patterns of a schema may look at in one check, times instructions of the pattern. */
  schemaPatternWorkMax: 50_000_000,
  /** Targets for which one process remembers which rules speak of them. */
  decisionTargetsMax: 50_000,
  /** Rules of one effect about one target that are asked one after the other; of more, those of a principal are looked up. */
  rulesWalkedMax: 8,
  /** Of one policy. */
  policyRulesMax: 5000,
  policyTestsMax: 2000,
  /** One CEL expression. */
  conditionCharsMax: 4096,
  /** Bytes of JSON that are counted as one token of a model, in budgets. */
  tokenBytesMin: 4,
  /** What an approver is shown of a call's arguments. */
  approvalShownCharsMax: 16_384,
  /** How deep JSON lies in strings of JSON that redaction looks into. */
  redactNestingMax: 4,
  /** Labels that one call leaves behind. */
  callLabelsMax: 16,
  /** Longest window of a rate or a budget: 31 days. */
  quotaWindowMaxMs: 31 * 24 * 3_600_000,
  /** How long an approval may be waited for, and then be used, unless a rule says otherwise. */
  approvalWithinMs: 15 * 60_000,
  approvalWithinMaxMs: 24 * 3_600_000,
  /**
   * What calls leave behind. Parts of a sliding window in which is counted; rows of labels, of one holder, of counts (a
   * part of a window each); approvals that are not over, of one caller; bytes of one.
   */
  ledgerPartsOfWindowMax: 12,
  ledgerLabelsMax: 200_000,
  ledgerLabelsPerHolderMax: 256,
  ledgerCountsMax: 200_000,
  ledgerApprovalsMax: 10_000,
  ledgerApprovalsPerCallerMax: 32,
  ledgerApprovalBytesMax: 128 * 1024,
  /** What was counted is told this often; what must be stored before it counts is waited for this long. */
  ledgerTellMs: 50,
  ledgerWriteDeadlineMs: 2_000,
  /** Writes of one service that wait, writes and items of one message, messages that a service may be behind. */
  ledgerWritesMax: 10_000,
  ledgerWritesPerMessageMax: 250,
  ledgerItemsPerMessageMax: 2_000,
  ledgerApprovalsPerMessageMax: 250,
  ledgerMessagesBehindMax: 1_000,
  /** Writes of all services that become one write of the database, and that wait for it; services whose last write is known, for this long. */
  ledgerGatheredMax: 2_000,
  ledgerQueuedMax: 50_000,
  ledgerWritersMax: 10_000,
  ledgerWriterTtlMs: 31 * 24 * 3_600_000,
  ledgerSweepMs: 10_000,
  /** Keys of counts whose hash one service remembers. */
  ledgerKeysCachedMax: 20_000,
  /** An approval that is over is shown for this long. */
  approvalRetentionMs: 30 * 24 * 3_600_000,
  /** Records of decisions: that wait in a service, in one report, how often they are told, bytes of one. */
  recordsWaitingMax: 20_000,
  recordsPerReportMax: 500,
  recordsTellMs: 100,
  recordBytesMax: 64 * 1024,
  /** How long, and how many of them, are kept; how many one sweep deletes. */
  recordRetentionMs: 14 * 24 * 3_600_000,
  recordsMax: 500_000,
  recordsSweptMax: 20_000,
  /** Records that one replay runs, at once between two breaths, and examples that it shows of each change. */
  replayRecordsMax: 100_000,
  replayBatchMax: 500,
  replayExamplesMax: 5,
  /** Sets of server versions for which one process remembers what a surface exposes. */
  exposuresPerSurfaceMax: 64,

  /** A fan-out to backends (initialize, DELETE) waits this long for the slowest. */
  fanoutDeadlineMs: 5_000,
  fanoutWidthMax: 64,
  /** Bytes of a cancellation, an id and a reason, that is passed on to each backend. */
  cancelBytesMax: 16 * 1024,
  /** Streams that share one connection to the egress listener. */
  egressStreamsPerConnectionMax: 500,
  /** Bytes of one message to Envoy of an answer that we compose. */
  streamPieceBytesMax: 64 * 1024,
  /** Bytes that a caller of a composed answer may be behind before its backend is read no further. */
  composedPendingBytesMax: 256 * 1024,
  /**
   * Bytes of a streamed answer that ext-proc writes, of one message at least; and of a stream of notifications, whose client
   * comes back. Envoy holds all that such a client does not read.
   */
  composedAnswerBytesMax: 32 * 1024 * 1024,
  listenedBytesMax: 8 * 1024 * 1024,
  /** After its response a backend may end the stream itself, so that its connection can be used again. */
  composedTailMs: 1_000,
  /** A call of a legacy client that left goes on at its server for this long; to a modern one, an end is a cancellation. */
  abandonedCallMs: 60_000,
  /** Requests of backends whose ids one process remembers, for the case that the backend takes one back. */
  askedEntriesMax: 50_000,
  /** Bytes of the id of a backend's request, and of a progress token: sealed they must fit what a request's id may be. */
  backendIdBytesMax: 256,
  /** The id of a task as its server, or a client, gave it; how long the one that stands for it is good. */
  taskIdCharsMax: 1024,
  taskTtlMs: 7 * 24 * 60 * 60 * 1000,
  /** Tasks of which one process remembers whose they are and of which tool: what it can list and tell of. */
  tasksKnownMax: 50_000,
  /** A list of one server's tasks that is written into the merged one. */
  taskListBytesMax: 4 * 1024 * 1024,
  /** Bytes of a backend's answer that ext-proc or the control plane reads itself. */
  backendAnswerBytesMax: 16 * 1024 * 1024,

  /** Resources that one subscriptions/listen asks for. */
  listenUrisMax: 1_000,
  /** Tasks that one subscriptions/listen asks for. */
  listenTasksMax: 1_000,
  /** The pauses before a server's own stream of changes is opened again. */
  listenRetryMinMs: 250,
  listenRetryMaxMs: 30_000,
  /** GET streams one ext-proc holds open, and the pause between their keep-alive comments. */
  streamsMax: 20_000,
  streamKeepAliveMs: 25_000,
  /** Items on one page of a list. */
  listPageItemsMax: 1_000,
  /** Messages of one batch, and bytes of it that are answered at the same time. */
  batchMessagesMax: 100,
  /** A backend's stream into a session's GET stream: it begins within this; pauses before it is opened again. */
  upstreamHeadDeadlineMs: 10_000,
  /** A call waits this long for a stream that its client opened before it: many servers send no headers before a message. */
  upstreamOpeningMs: 250,
  upstreamRetryMinMs: 500,
  upstreamRetryMaxMs: 30_000,
  /** A reader this far behind holds up the backends, and is cut off when it still is at the next keep-alive. */
  streamPendingBytesMax: 256 * 1024,
  /** What a client waits before it opens a broken stream again. The SDKs try twice: by then a service that ended is back. */
  streamRetryMs: 3_000,
  /** Characters of one backend's event id that a merged stream's carries, and of all of them together. */
  eventIdCharsMax: 256,
  eventIdsCharsMax: 2_048,
  /** Streams of one session that resume the answer to a call. */
  resumptionsPerSessionMax: 16,
  /** Attempts to go on with a stream that its backend takes for one that is open, and the pause between them. */
  resumeAttemptsMax: 5,
  resumePauseMs: 50,
  /** Streams whose lists are compared in one go after the catalog changed. */
  streamsBatchMax: 50,

  /**
   * Calls that wait for their clients between two requests of the modern era, over all principals and for one; how long;
   * characters that one of them and all together hold; messages that one holds; questions that a server asks at once.
   */
  parkedCallsMax: 1_000,
  parkedCallsPerPrincipalMax: 32,
  parkedCallMs: 5 * 60_000,
  parkedCallCharsMax: 1024 * 1024,
  parkedCharsMax: 64 * 1024 * 1024,
  parkedMessagesMax: 256,
  parkedRequestsMax: 16,
  /** Calls of legacy clients that wait for an answer of theirs, over all sessions and for one; how long; rounds of one call. */
  askedCallsMax: 1_000,
  askedCallsPerSessionMax: 16,
  askedCallMs: 10 * 60_000,
  askedRoundsMax: 8,
  /** Before a server is asked again that only gave a state to come back with. */
  askedPauseMs: 250,
  /** The answer to a bridged call must have begun within this; a stream of one may be silent for `streamIdleMs`. */
  bridgedHeadDeadlineMs: 10 * 60_000,
  /**
   * A session at a legacy server that calls of modern clients share is ended when nobody has used it for this long; how
   * often that is looked at; and how long a process that ends waits for the servers to be told.
   */
  bridgedIdleMs: 10 * 60_000,
  bridgedSweepMs: 30_000,
  bridgedEndDeadlineMs: 1_000,
  /** What a new backend session is told that the one before it knew: so long its call waits for that; requests at once. */
  restoreWaitMs: 1_000,
  restoreWidthMax: 16,
  /** Sessions whose log levels are remembered, and, for each of their servers, whose subscriptions are. */
  sessionLevelsMax: 20_000,

  /**
   * State that another ext-proc has: it says within this that it has it, and is asked again so often whether it lives; one
   * that is gone from the list may still answer for this long; how many are remembered; and told of something at once.
   */
  instanceAnswerMs: 2_000,
  instanceKeepAliveMs: 2_000,
  instanceGoneMs: 5 * 60_000,
  instancesMax: 64,

  /** Discovery of a server: one attempt, the pause between refreshes, the pauses after failures. */
  discoveryDeadlineMs: 10_000,
  discoveryIntervalMs: 5 * 60_000,
  discoveryRetryMinMs: 250,
  discoveryRetryMaxMs: 30_000,
  /** Which protocol versions a server speaks is asked anew after this; one question of it waits this long. */
  discoveryProbeIntervalMs: 60 * 60_000,
  discoveryProbeDeadlineMs: 3_000,
  /** Of the servers that were read before a start, this many are read at once; the others in the course of an interval. */
  discoveryBurstMax: 256,
  /** A name is resolved within this, so many at the same time: each takes one of the process's four threads. */
  discoveryLookupDeadlineMs: 2_000,
  discoveryLookupWidthMax: 2,
  /**
   * After a server said that a list changed it is read again: the wait for more such words; so many readings in a row; and
   * the pause after which one more may follow.
   */
  discoveryChangeWaitMs: 250,
  discoveryChangeReadingsMax: 5,
  discoveryChangePauseMs: 5_000,
  /** A reading waits this long for its stream; a stream must begin, and is opened again after a pause, which doubles. */
  discoveryStreamWaitMs: 1_000,
  discoveryStreamDeadlineMs: 60_000,
  discoveryStreamPauseMs: 1_000,
  /** Tools, prompts, resources, templates of one server version, each. */
  discoveredItemsMax: 2_000,
  /** Streams of servers that announce changes of their lists which the control plane keeps open. */
  discoveryStreamsMax: 500,
  /** Of a stream that the control plane only listens to: bytes of one event, and of all before it is opened anew. */
  streamEventBytesMax: 64 * 1024,
  streamBytesMax: 4 * 1024 * 1024,
  /** What Envoy's administration says of its clusters: bytes, clusters of one question, the wait for it, how long it is good. */
  healthBytesMax: 16 * 1024 * 1024,
  healthClustersMax: 200,
  healthDeadlineMs: 1_000,
  healthFreshMs: 1_000,
  /** While Envoy's egress is away one probe asks for it, with pauses that double; an operator is told after a while. */
  discoveryEgressPauseMinMs: 50,
  discoveryEgressPauseMaxMs: 2_000,
  discoveryEgressQuietMs: 3_000,
  /** While servers wait to be read, what is known anew is told this often. */
  discoveryNewsMs: 2_000,
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
  /** The same once somebody of the group did not answer in time, so that one that hangs does not hold up every change. */
  publishBehindDeadlineMs: 100,
  /** Writes that arrive within this are published together. */
  publishDebounceMs: 20,
  /** Bytes of resources in one response; what does not fit goes into the next, once this one is acknowledged. */
  xdsResponseBytesMax: 2 * 1024 * 1024,
  /** Nodes that left are still shown, for this long and this many. */
  xdsNodesGoneMs: 24 * 60 * 60 * 1000,
  xdsNodesGoneMax: 1_000,
  /** Resources with a TTL are renewed this often, and given up by a client after the TTL. */
  xdsTtlMs: 30_000,
  xdsHeartbeatMs: 10_000,
  /** Bytes of one xDS message, either way: all servers with all their tools can be in one. */
  xdsMessageBytesMax: 64 * 1024 * 1024,
  /** Streams that the xDS server holds, and names that one of them may subscribe to, for each type. */
  xdsStreamsMax: 4_000,
  xdsNamesMax: 100_000,
  /** Characters kept of what a client says when it refuses a response, and of its own name. */
  xdsRefusalCharsMax: 2_000,
  xdsNodeIdCharsMax: 256,
  /** Names that one line of the log lists of the resources that a node refused. */
  xdsNamesShownMax: 5,
  /** Members of a node's metadata that are looked at, and features that it says it has. */
  xdsNodeMetadataMax: 128,
  /** Resources that nodes refused and that are not sent to them again, over all nodes. */
  xdsRefusalsMax: 10_000,
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
  /** The use of an API key is reported once within this, and together with others that are used within the second. */
  keyUseIntervalMs: 60_000,
  keyUseDelayMs: 1_000,
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
  /** Streams to one backend that only listen: apart from its calls. */
  backendStreamsMax: 20_000,
  serviceRequestsMax: 65_536,
  /** An answer may stream for as long as something is sent within this. */
  streamIdleMs: 3_600_000,
  /**
   * A connection without a request is closed after this; what its reader does not take of an answer that is at its end is
   * let go then.
   */
  clientIdleMs: 5 * 60_000,
  /** The same while Envoy's heap is nearly full. */
  pressedIdleMs: 2_000,
  headersDeadlineMs: 10_000,
  idempotentDeadlineMs: 15_000,
  /** Envoy fetches a token for a server: one attempt, and the pause after one that failed (Envoy takes whole seconds). */
  tokenFetchDeadlineMs: 5_000,
  tokenFetchRetryMs: 1_000,
  /** Two of these without an answer, and Envoy refuses what waits for ext-proc. */
  serviceKeepAliveMs: 1_000,
  authzDeadlineMs: 2_000,
  adsKeepAliveMs: 30_000,
  clientConnectionsMax: 50_000,
  envoyHeapBytesMax: 2 * 1024 * 1024 * 1024,

  /** Bytes of a body that the REST API accepts. */
  apiBodyBytesMax: 10 * 1024 * 1024,
  apiDocumentsMax: 10_000,
  /** Of the diffs in one answer; and of one diff, the lines that differ. */
  apiDiffBytesMax: 4 * 1024 * 1024,
  apiDiffLinesMax: 10_000,
  /** Log entries that are looked through, at the most, to find those of one version. */
  apiLogBatchesMax: 10,
  /** The issuer of administrators' tokens: one question, the bytes of its answer, pause after a failure, age of its keys. */
  adminIssuerDeadlineMs: 3_000,
  adminIssuerBytesMax: 256 * 1024,
  adminIssuerPauseMs: 5_000,
  adminIssuerKeysAgeMs: 10 * 60_000,
  /** Items of one page of a list that says no limit; and of one that asks for more. */
  apiPageItemsUsualMax: 100,
  apiPageItemsMax: 1_000,
  /** Problems of one document that are told. */
  documentProblemsMax: 100,
  /** Labels of a document, versions of a server. */
  labelsMax: 64,
  versionsPerServerMax: 16,
  /** Tools of a surface that fill a model's context, above which its operator is warned. */
  surfaceToolsAdvisedMax: 10,
  /** Sentences about a surface; tools whose descriptions are compared with each other, and words of each. */
  surfaceWarningsMax: 50,
  /** Sentences about a policy, and how often a pattern is held against a tool for them: about 20 ms. */
  policyWarningsMax: 20,
  policyWarningLooksMax: 200_000,
  /** Surfaces, and policies, of one write of many documents whose warnings are in its answer. */
  apiWarnedSurfacesMax: 200,
  similarToolsMax: 500,
  similarWordsMax: 200,
  /**
   * The keys of issuers of agents' tokens: one question, the bytes of its answer, keys of one set, how often they are read,
   * the least between two readings of one issuer, the longest pause after failures, how long a key that vanished is good.
   */
  issuerDeadlineMs: 5_000,
  issuerBytesMax: 256 * 1024,
  issuerKeysMax: 64,
  issuerRefreshMs: 10 * 60_000,
  issuerRefreshMinMs: 10_000,
  issuerPauseMinMs: 2_000,
  /** One process says so often that it does not know a key of an issuer. */
  unknownKeyIntervalMs: 1_000,
  issuerPauseMaxMs: 5 * 60_000,
  issuerKeyOverlapMs: 5 * 60_000,
  /** What is kept of the keys of all issuers over a restart. */
  issuersKeptBytesMax: 8 * 1024 * 1024,
  /** What the gateway tells servers of their callers: how long a key signs, how long a token is good at most, tokens kept. */
  identityKeyPeriodMs: 7 * 24 * 3_600_000,
  identityTtlSecondsMax: 60,
  identityTokensMax: 20_000,
  /** How long a revocation of the command line stands unless it is said, and at most. */
  revocationTtlMs: 30 * 24 * 3_600_000,
  revocationTtlMaxMs: 366 * 24 * 3_600_000,
  /** API keys that are not revoked or expired; the longest that one is good for, and for how long unless it is said. */
  apiKeysMax: 10_000,
  apiKeyTtlMaxMs: 366 * 24 * 60 * 60 * 1000,
  apiKeyTtlMs: 90 * 24 * 60 * 60 * 1000,
  /** Backups of the registry that are kept when its tables change. */
  registryBackupsMax: 3,
  /** A command of the CLI waits this long for the REST API. */
  apiAnswerDeadlineMs: 15_000,
  /** Bytes of one answer that a command reads, pages of one list, files and folders below a directory of documents. */
  cliAnswerBytesMax: 256 * 1024 * 1024,
  cliPagesMax: 200,
  cliFilesMax: 10_000,
  /** The registry waits this long for another process that holds its lock. */
  registryBusyMs: 2_000,
  /** Writes that wait for the ones before them. */
  registryWritesMax: 10_000,
  /** Small writes that arrive within this are written together, up to so many at once: nobody is served meanwhile. */
  registryGatherMs: 40,
  registryGatheredMax: 100,
  /** A file of the home folder that is read whole: a token, a key. */
  keyFileBytesMax: 16 * 1024,
  /** A file of certificates; bundles of authorities have hundreds. */
  pemFileBytesMax: 4 * 1024 * 1024,

  /** The supervisor's restart pauses, and how long a part may take to stop. */
  restartBackoffMinMs: 100,
  restartBackoffMaxMs: 5_000,
  stopGraceMs: 3_000,
  /** A part closes by itself within this after it was told to stop. */
  closeDeadlineMs: 2_500,
  /** So long streams of a gRPC server that closes may take to end by themselves. */
  grpcDrainMs: 500,
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
relation(LIMITS.approvalWithinMaxMs <= LIMITS.approvalRetentionMs, 'an approval is kept for as long as it may be used');
relation(
  LIMITS.quotaWindowMaxMs <= LIMITS.ledgerWriterTtlMs,
  'what is counted twice is told from what is counted again',
);
relation(LIMITS.fanoutDeadlineMs < LIMITS.bodyDeadlineMs, 'a fan-out ends before a body would');
relation(
  LIMITS.backendAnswerBytesMax < LIMITS.composedAnswerBytesMax,
  'the answer of a backend fits what may be streamed of a call',
);
relation(LIMITS.streamPendingBytesMax < LIMITS.listenedBytesMax, 'a reader is held up before its stream is ended');
relation(LIMITS.bodyBytesMax <= LIMITS.bridgeLineBytesMax, 'a body that the gateway accepts fits a bridge line');
relation(LIMITS.bodyBytesMax <= LIMITS.bridgeInputBytesMax, 'a body that the gateway accepts can wait for a child');
relation(LIMITS.bridgeStopGraceMs < LIMITS.stopGraceMs, 'the bridge ends its children before it is ended itself');
relation(LIMITS.bridgeStopGraceMs < LIMITS.closeDeadlineMs, 'the bridge ends its children before it gives up closing');
relation(
  LIMITS.bridgedEndDeadlineMs < LIMITS.closeDeadlineMs,
  'bridged sessions are ended before a part gives up closing',
);
relation(LIMITS.parkedCallMs < LIMITS.bridgedIdleMs, 'a session outlives the calls that wait in it');
relation(LIMITS.grpcDrainMs < LIMITS.closeDeadlineMs, 'streams are cut before a part gives up closing');
relation(LIMITS.closeDeadlineMs < LIMITS.stopGraceMs, 'a part gives up closing before it is killed');
relation(LIMITS.xdsCloseDeadlineMs < LIMITS.stopGraceMs, 'the xDS server closes before the control plane is ended');
relation(LIMITS.streamsMax <= LIMITS.backendStreamsMax, 'all that listen may listen to the same backend');
relation(LIMITS.xdsRetryMinMs <= LIMITS.xdsRetryMaxMs, 'the xDS retry pauses grow');
relation(LIMITS.discoveryRetryMinMs <= LIMITS.discoveryRetryMaxMs, 'the retry pauses grow');
relation(LIMITS.discoveryEgressPauseMinMs <= LIMITS.discoveryEgressPauseMaxMs, 'the pauses of the egress probe grow');
relation(LIMITS.discoveryStreamPauseMs <= LIMITS.discoveryIntervalMs, 'the pauses between streams grow');
relation(2 * LIMITS.xdsHeartbeatMs < LIMITS.xdsTtlMs, 'a lost heartbeat is made up for before a resource expires');
