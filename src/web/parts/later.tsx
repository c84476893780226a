import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';

/** A screen whose code is loaded when it is opened for the first time. */
export function later(load: () => Promise<FunctionComponent>): FunctionComponent {
  let loaded: FunctionComponent | null = null;
  return () => {
    const part = useSignal(loaded);
    useEffect(() => {
      if (part.value !== null) return;
      void load().then((component) => {
        loaded = component;
        part.value = component;
      });
    }, []);
    const Part = part.value;
    return Part === null ? <p role="status">…</p> : <Part />;
  };
}
