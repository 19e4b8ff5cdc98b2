// Decides how the suite's scenario server is reached: at once, or from behind a gateway that is told of it first.

import { behindGateway, type Sandwich } from './sandwich.ts';
import { runScenario, type ScenarioContext } from './scenarios.ts';

const url = process.argv.at(-1) ?? '';
const { MCP_CONFORMANCE_SCENARIO: name = '', MCP_CONFORMANCE_PROTOCOL_VERSION: version = '' } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as ScenarioContext;
const run = (at: string): Promise<void> => runScenario(at, name, version, context);
const { CHANCERY_SANDWICH: gateway } = process.env;
if (gateway === undefined) await run(url);
else await behindGateway(JSON.parse(gateway) as Sandwich, url, version, run);
