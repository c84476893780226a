/** A second entry, for tests alone: the numbers that they reckon with. */
export { NODE_LIMITS } from './limits.ts';
