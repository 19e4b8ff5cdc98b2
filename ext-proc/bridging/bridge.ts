// Decides how a call goes on to a server of the other era.
export { answerBridged, bridgeToModern as bridgeLegacy, cancelBridged } from './legacy-to-modern.ts';
export { bridgeToLegacy as bridgeModern } from './modern-to-legacy.ts';
