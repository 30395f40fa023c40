import { useEffect, useState } from "preact/hooks";

// What is typed, when it has rested: so that not every letter asks the server.
export function useLater(value: string, ms = 200): string {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}
