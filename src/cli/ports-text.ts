/** Many ports in few words. */
import { t } from './words/index.ts';

/** `443 and 8430 to 8454`. */
export function portNames(all: readonly number[]): string {
  const ports = [...new Set(all)].sort((left, right) => left - right);
  const runs: [first: number, last: number][] = [];
  for (const port of ports) {
    const run = runs.at(-1);
    if (run?.[1] === port - 1) run[1] = port;
    else runs.push([port, port]);
  }
  const names = runs.map(([first, last]) => (first === last ? String(first) : t('{first} to {last}', { first, last })));
  return [names.slice(0, -1).join(', '), names.at(-1) ?? ''].filter((part) => part !== '').join(t(' and '));
}

/** `port 443`, `25 ports, 8430 to 8454`, `26 ports, 443 and 8430 to 8454`. */
export function portsText(all: readonly number[]): string {
  const n = new Set(all).size;
  const names = portNames(all);
  return n === 1 ? t('port {port}', { port: names }) : t('{n} ports, {ports}', { n, ports: names });
}
