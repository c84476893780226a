/** A real name server (Debian's dnsmasq) in a lab: its names may change while everybody uses them. */
import type { LabProcess } from './process.ts';
import type { Lab, LabHost } from './topology.ts';

/** Every name leads to these addresses, of both families; one without any does not exist. */
export type Names = Readonly<Record<string, readonly string[]>>;

export interface NameServer {
  /** From now on these, and no others. */
  say(names: Names): Promise<void>;
  /** Questions for this name so far. */
  asked(name: string): number;
}

const FILE = '/run/lab/dns';

/**
 * On a public host that is there already, for everybody in the lab. `addresses`: where it is asked, in this order; default its first
 * alone. To be called once.
 */
export async function nameServer(
  lab: Lab,
  on: LabHost,
  names: Names,
  addresses: readonly string[] = [on.address],
): Promise<NameServer> {
  const write = (now: Names): Promise<string> => {
    const lines = Object.entries(now).flatMap(([name, all]) => all.map((address) => `${address} ${name}`));
    return lab.sandbox.shell(`printf '%s\\n' ${['#', ...lines].map((line) => `'${line}'`).join(' ')} > ${FILE}`);
  };
  await write(names);
  const program: LabProcess = on.spawn([
    ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--pid-file=', '--log-facility=-'],
    ...['--no-resolv', '--no-hosts', `--addn-hosts=${FILE}`, '--log-queries', '--bind-interfaces'],
    ...addresses.map((address) => `--listen-address=${address}`),
    // What is not there is said at once, as by the name servers of those domains.
    ...['--local=/lab/', '--local=/arpa/'],
  ]);
  await program.find(({ text }) => text.includes('read /run/lab/dns') || null, 20_000);
  const servers = addresses.map((address) => `nameserver ${address}`);
  await lab.sandbox.shell(
    `printf '%s\\n' ${[...servers, 'options timeout:1 attempts:1'].map((line) => `'${line}'`).join(' ')} > /run/lab/resolv.conf
     printf '127.0.0.1 localhost\\n' > /run/lab/hosts
     mount --bind /run/lab/resolv.conf /etc/resolv.conf
     mount --bind /run/lab/hosts /etc/hosts`,
  );
  return {
    async say(now) {
      const read = () => program.lines.filter(({ text }) => text.includes('read /run/lab/dns')).length;
      const before = read();
      await write(now);
      program.signal('SIGHUP');
      await program.find(() => (read() > before ? true : null), 20_000);
    },
    asked: (name) => program.lines.filter(({ text }) => text.includes(`] ${name} from`)).length,
  };
}
