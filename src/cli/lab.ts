/** `sallyport lab --pair CLASS,CLASS`: one join between two NATs of this machine's kernel, with the real command. */
import { delayMissing, failureOf, LAB_CLASSES, type LabClass, labAvailability, runLabPair } from '../../lab/index.ts';
import type { FailureCode } from '../core/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { milliseconds } from './agents.ts';
import { LAB_FLAGS } from './commands.ts';
import { readCommandLine, readPair } from './flags.ts';
import type { Invocation } from './run.ts';

const TIMEOUT_SECONDS = 120;

export async function labCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(LAB_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, signal } = invocation;
  const [client, host] = readPair(flags.pair ?? 'P3,P3', readClass);
  const lab = labAvailability();
  if (!lab.ok) throw usage(`No lab on this machine: ${lab.reason}. "sallyport sim" shows the same without.`);
  const delay = delayMissing();
  if (delay !== null) terminal.fact('info', 'Links', `without delay: ${delay}`);
  const timeoutMs = (flags.timeout ?? TIMEOUT_SECONDS) * 1_000;
  const pair = runLabPair({
    client,
    host,
    timeoutMs,
    signal,
    onLine: (side, line) => {
      if (line.stream === 'stderr') terminal.say(`${side.padEnd(6)} ${line.text}`);
      else terminal.event('line', { side, line: line.text });
    },
  });
  const result = await pair.catch((error: unknown) => {
    const failure = failureOf(error);
    if (failure === null) throw error;
    throw new SallyportError(failure.event.code as FailureCode, { detail: `(${failure.on})`, cause: error });
  });
  terminal.event('result', { ...result });
  terminal.fact('done', 'Game', `${result.game} answers through the path: ${result.status}`);
  const cost = `attempt ${result.attempts}, ${result.packetsSent} packets`;
  terminal.fact('done', 'Connected', `${result.path} · ${milliseconds(result.ms)} · ${cost}`);
  terminal.result(`connected ${result.ms}`);
}

function readClass(text: string): LabClass {
  const name = text.trim().toUpperCase();
  if (!Object.hasOwn(LAB_CLASSES, name)) {
    throw usage(`The lab has no class "${text}"; it has ${Object.keys(LAB_CLASSES).join(', ')}.`);
  }
  return name as LabClass;
}
