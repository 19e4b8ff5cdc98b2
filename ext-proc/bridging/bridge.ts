// Decides how a call goes on to a server of the other era.
export { answerBridged, bridgeToModern as bridgeLegacy, cancelBridged, subscribeHere } from './legacy-to-modern.ts';
export { bridgeToLegacy as bridgeModern, resumeRelayed } from './modern-to-legacy.ts';
