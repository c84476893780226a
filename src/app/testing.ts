/** A second entry, for tests alone: the interface as it is described, to compare with what is served and documented. */

export { APP_LIMITS } from './limits.ts';
export { openApiDocument } from './openapi.ts';
export { PROBLEMS } from './problems.ts';
export { COMMANDS, stateSchema } from './schema.ts';
export { schemeHandler } from './scheme.ts';
