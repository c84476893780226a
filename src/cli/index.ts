/** The command's own table, of which `packaging` makes its man page and completions. */
export { COMMANDS, type Command } from './commands.ts';
export { type Flag, variableOf } from './flags.ts';
