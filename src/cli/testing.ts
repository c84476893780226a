/** For tests alone: what the command reads and what it writes, without starting it. */
export { COMMANDS } from './commands.ts';
export { type Flags, readCommandLine, variableOf } from './flags.ts';
export { commandHelp, helpText } from './help.ts';
export { logText } from './join-keys.ts';
export { Repeated, tellProgress } from './join-lines.ts';
export { CLI_LIMITS } from './limits.ts';
export { probeLines, type ReportOptions, reportLines, type WaysShown, whatWouldHelp } from './report.ts';
export { Terminal, type TerminalOptions } from './terminal.ts';
