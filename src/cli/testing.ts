/** For tests alone: what the command reads and what it writes, without starting it. */
export { COMMANDS } from './commands.ts';
export { serveFakeWorld } from './fake-wire.ts';
export { FakeWorld } from './fake-world.ts';
export { type Flags, readCommandLine, variableOf } from './flags.ts';
export { BUILT_IN, commandHelp, helpText } from './help.ts';
export { Repeated, tellProgress } from './join-lines.ts';
export { logText } from './join-log.ts';
export { CLI_LIMITS } from './limits.ts';
export { nearestWord } from './nearest.ts';
export { programs } from './programs.ts';
export { promptSecret } from './prompt.ts';
export { probeLines, type ReportOptions, reportLines, type WaysShown, whatWouldHelp } from './report.ts';
export { Terminal, type TerminalOptions } from './terminal.ts';
export { webhookFault } from './webhook-fault.ts';
export { called } from './who.ts';
export { failureWords, isAsciiOnly, LANGUAGES, languageOf, speak, t, told } from './words/index.ts';
export { SHELL_NEXT, SHELL_WHAT } from './words/shell-next.ts';
