/**
 * How soon a change of the network is noticed, on a real kernel: an agent of the library is behind a home router and has a phone's hotspot
 * and IPv6 beside it. Measured is from the end of the command that changes something to the line of the agent's log that says so, the way
 * of that line through the pipe included. `npm run bench:moves -- --runs 20`
 */
import { parseArgs } from 'node:util';
import { compiled, type LabProcess, openScene, type Scene, tinyGame } from '../lab/index.ts';
import { quantile } from './stats.ts';

const NOTICED_MS_MAX = 10_000;
/** What a change sets off is over by then. */
const SETTLED_MS = 4_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

/** Each with what takes it back; all in the namespace of the agent. */
function changes(gateways: { readonly cable: string; readonly phone: string }) {
  return [
    {
      name: 'the default route goes to the hotspot',
      does: `ip route replace default via ${gateways.phone} dev lan1`,
      back: `ip route replace default via ${gateways.cable} dev lan0`,
    },
    {
      name: 'the cable is pulled, the hotspot is left',
      does: `ip link set lan0 down; ip route replace default via ${gateways.phone} dev lan1`,
      back: `ip link set lan0 up; ip route replace default via ${gateways.cable} dev lan0; ip -6 addr replace 2001:db8:6::2/64 dev lan0 nodad; ip -6 route replace default via 2001:db8:6::1`,
    },
    {
      name: 'a VPN with all routes comes up',
      does: 'ip addr add 10.8.0.2/24 dev lan1; ip route add 0.0.0.0/1 dev lan1 src 10.8.0.2; ip route add 128.0.0.0/1 dev lan1 src 10.8.0.2',
      back: 'ip addr del 10.8.0.2/24 dev lan1',
    },
    {
      name: 'rules lead elsewhere, no address and no route changes',
      does: `ip route add default via ${gateways.phone} dev lan1 table 7; ip rule add lookup 7 pref 50`,
      back: 'ip rule del pref 50; ip route flush table 7',
    },
    {
      name: 'IPv6 gets another prefix',
      does: 'ip -6 addr add 2001:db8:6:9::2/64 dev lan0 nodad; ip -6 addr del 2001:db8:6::2/64 dev lan0',
      back: 'ip -6 addr add 2001:db8:6::2/64 dev lan0 nodad; ip -6 addr del 2001:db8:6:9::2/64 dev lan0; ip -6 route replace default via 2001:db8:6::1',
    },
    {
      name: 'IPv6 is gone',
      does: 'ip -6 addr del 2001:db8:6::2/64 dev lan0',
      back: 'ip -6 addr add 2001:db8:6::2/64 dev lan0 nodad; ip -6 route replace default via 2001:db8:6::1',
    },
  ] as const;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' } } });
  const runs = Number(values.runs);
  const scene = await openScene({ game: tinyGame, host: HOME, client: HOME, ipv6: { host: 'dual', client: 'dual' } });
  try {
    const phone = await scene.lab.nat('phone', 'home-router');
    const gatewayOf = (address: string): string => address.replace(/[0-9]+$/, '1');
    const gateways = {
      cable: gatewayOf(scene.clientSide.address),
      phone: gatewayOf(await scene.lab.alsoBehind(phone, scene.clientSide)),
    };
    const agent = scene.clientSide.spawn([process.execPath, compiled('lab/probe.js'), 'agent', scene.link]);
    await agent.find(({ text }) => text === '{"ev":"ready"}' || null, NOTICED_MS_MAX);
    await settle();
    const rows: string[] = [];
    let late = 0;
    for (const { name, does, back } of changes(gateways)) {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        times.push(await noticed(scene, agent, does));
        await noticed(scene, agent, back);
        await settle();
      }
      const slowest = Math.max(...times);
      if (slowest > 1_000) late++;
      const cells = [quantile(times, 0.5) ?? 0, slowest].map((ms) => `${Math.round(ms)} ms`.padStart(9));
      rows.push([name.padEnd(56), `${times.length}`.padStart(4), ...cells].join(' '));
    }
    process.stdout.write(`${['change'.padEnd(56)].join('')} runs    median   slowest\n${rows.join('\n')}\n`);
    process.exitCode = late === 0 ? 0 : 1;
  } finally {
    await scene.close();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, SETTLED_MS));

/** From the end of the script to the next line of the agent's log that says that its network has changed. */
async function noticed({ lab, clientSide }: Scene, agent: LabProcess, script: string): Promise<number> {
  const before = agent.lines.filter(({ text }) => text.includes('"network changed"')).length;
  await lab.sandbox.shell(`ip netns exec ${clientSide.name} sh -eu -c '${script}'`);
  const changed = performance.now();
  let seen = 0;
  await agent.find(({ text }) => (text.includes('"network changed"') && ++seen > before) || null, NOTICED_MS_MAX);
  return performance.now() - changed;
}

await main();
