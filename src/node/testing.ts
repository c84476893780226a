/** A second entry, for tests alone: the numbers that they reckon with. */

export { nodeAead, wasmAead } from './aead.ts';
export { NODE_LIMITS } from './limits.ts';
export { outcomeCode } from './socket.ts';
