import { local, settings } from '../local.ts';
import { HostForm } from '../parts/host-form.tsx';
import { HostOpen } from '../parts/host-open.tsx';
import { MasterChoice } from '../parts/master-choice.tsx';

export function Host() {
  const hosting = local.value?.hosting ?? null;
  if (hosting !== null && hosting.state !== 'failed') return <HostOpen hosting={hosting} />;
  if (settings.value?.master === '') return <MasterChoice />;
  return <HostForm failed={hosting} />;
}
