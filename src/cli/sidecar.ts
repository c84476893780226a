/** `sallyport sidecar`: the local interface `/v1` as a program that a game starts beside itself, and that ends with it. */
import { hostKeyFile, openAgent, type RelayMode } from '../agent/index.ts';
import { type NorayFront, SettingsFile } from '../app/index.ts';
import { processWatch, usage } from '../node/index.ts';
import { SIDECAR_FLAGS } from './commands.ts';
import { type LocalControl, openControl } from './control.ts';
import type { FakeNetwork } from './fake.ts';
import { readCommandLine } from './flags.ts';
import { CLI_LIMITS } from './limits.ts';
import { openNoray } from './noray.ts';
import { type Invocation, untilStopped } from './run.ts';
import { t, told } from './words/index.ts';

type SidecarFlags = ReturnType<typeof readCommandLine<typeof SIDECAR_FLAGS>>['flags'];

export async function sidecarCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(SIDECAR_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, signal, stop } = invocation;
  const forgetParent = withParent(flags['with-pid'], stop);
  try {
    const fake = await fakeOf(flags);
    let noray: NorayFront | null = null;
    const control = await openSidecar(invocation, flags, fake);
    try {
      await control.engine.start();
      if (flags.noray) noray = await openNoray(control.engine, flags, terminal);
      const { url, token } = control;
      terminal.event('ready', { url, token });
      // Whoever reads the output may command it; with a token file nobody has to, and a game's own output stays its own.
      if (flags['token-file'] === undefined) terminal.result(JSON.stringify({ url, token }));
      terminal.fact('done', 'Sidecar', `${url}/v1      ${t('(Ctrl+C ends it)')}`, 'whole');
      await untilStopped(signal);
    } finally {
      noray?.close();
      await control.close();
      fake?.close();
    }
  } finally {
    forgetParent();
  }
}

/** Only what is used is loaded: the simulator is not, without --fake. */
async function fakeOf(flags: SidecarFlags): Promise<FakeNetwork | null> {
  if (!flags.fake) return null;
  const { FAKE_PORT, isFakeNat, openFakeNetwork } = await import('./fake.ts');
  const nat = flags['fake-nat'] ?? 'P3';
  if (!isFakeNat(nat)) throw usage(t('--fake-nat is a class of networks, like P3 or S6, not "{nat}".', { nat }));
  return openFakeNetwork({ nat, port: flags['fake-port'] ?? FAKE_PORT });
}

function openSidecar(invocation: Invocation, flags: SidecarFlags, fake: FakeNetwork | null): Promise<LocalControl> {
  const stateDir = flags['state-dir'] ?? null;
  const tokenFile = flags['token-file'];
  const settings = new SettingsFile(null, { announceOnLan: false, relay: (flags.relay ?? 'allow') as RelayMode });
  const refused = settings.change({
    master: fake?.master ?? flags.master ?? '',
    stun: fake === null ? [...flags.stun] : [],
  });
  if (refused !== null) throw usage(t('--master: {why}', { why: told(refused.text) }));
  const keyFile = stateDir === null ? null : hostKeyFile(stateDir, 'sidecar');
  return openControl({
    does: { program: 'sidecar', settings, stateDir, keyFile },
    ...{ stateDir, invocation, port: flags.port ?? 0 },
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(fake === null ? {} : { open: (options) => openAgent({ ...options, network: fake }) }),
  });
}

/** Stops the sidecar when that process has gone; returns how to look no more. Refuses one that is not there. */
function withParent(pid: number | undefined, stop: () => void): () => void {
  if (pid === undefined) return () => {};
  const lives = processWatch(pid);
  if (lives === null) throw usage(t('--with-pid: there is no process {pid}.', { pid }));
  const timer = setInterval(() => lives() || stop(), CLI_LIMITS.parentWatchMs);
  return () => clearInterval(timer);
}
