import { local } from '../local.ts';
import { HostForm } from '../parts/host-form.tsx';
import { HostOpen } from '../parts/host-open.tsx';
import { MasterChoice } from '../parts/master-choice.tsx';

export function Host() {
  const hosting = local.value?.hosting ?? null;
  if (hosting !== null && hosting.state !== 'failed') return <HostOpen hosting={hosting} />;
  // As the program has it: one that it refuses must not take the question away.
  if (local.value?.settings?.master === '') return <MasterChoice />;
  return <HostForm failed={hosting} />;
}
