export type PressureLevel = 'low' | 'moderate' | 'high' | 'critical';

/** Bytes used of bytes available. */
export interface MemoryUsage {
  used: number;
  limit: number;
  /** `used / limit`. */
  ratio: number;
}

/** The least ratio of each level above `low`. */
export interface PressureThresholds {
  moderate: number;
  high: number;
  critical: number;
}

export interface MemoryOptions {
  /** Ask the browser too; default true. */
  browser?: boolean;
  /** Defaults: moderate 0.5, high 0.7, critical 0.9. */
  thresholds?: Partial<PressureThresholds>;
}

export interface MemorySnapshot {
  /** ISO 8601, UTC. */
  ts: string;
  /** The script's own JavaScript heap. */
  node: MemoryUsage;
  /** The page's JavaScript heap; null without a page that answers. */
  browser: MemoryUsage | null;
  /** The container or control group; null when none sets a limit. */
  cgroup: MemoryUsage | null;
  /** The level of the fullest of them. */
  pressure: PressureLevel;
  /** True when `pressure` is higher than `level`. */
  isAbove(level: PressureLevel): boolean;
}

export interface MemoryAPI {
  snapshot(options?: MemoryOptions): Promise<MemorySnapshot>;
  /** `(await snapshot(options)).isAbove(level)` */
  isAbove(level: PressureLevel, options?: MemoryOptions): Promise<boolean>;
}

/** Where the numbers come from: bytes used and the limit, null where there is none. */
export interface MemorySources {
  node(): { used: number; limit: number };
  browser(): Promise<{ used: number; limit: number } | null>;
  cgroup(): Promise<{ used: number; limit: number } | null>;
}

const LEVELS: PressureLevel[] = ['low', 'moderate', 'high', 'critical'];
const DEFAULTS: PressureThresholds = {
  moderate: 0.5,
  high: 0.7,
  critical: 0.9,
};

export function createMemory(
  sources: MemorySources,
  now: () => Date = () => new Date(),
): MemoryAPI {
  const snapshot = async (
    options: MemoryOptions = {},
  ): Promise<MemorySnapshot> => {
    const thresholds = checkedThresholds(options.thresholds);
    const node = usage(sources.node());
    const [browser, cgroup] = await Promise.all([
      options.browser === false ? null : sources.browser().then(optionalUsage),
      sources.cgroup().then(optionalUsage),
    ]);
    const pressure = levelOf(
      Math.max(node.ratio, browser?.ratio ?? 0, cgroup?.ratio ?? 0),
      thresholds,
    );
    const facts = { ts: now().toISOString(), node, browser, cgroup, pressure };
    // Not enumerable, so that a snapshot can be emitted as it is.
    return Object.defineProperty(facts, 'isAbove', {
      value: (level: PressureLevel) => isAbove(pressure, level),
    }) as MemorySnapshot;
  };
  return {
    snapshot,
    isAbove: async (level, options) => (await snapshot(options)).isAbove(level),
  };
}

function checkedThresholds(
  given: Partial<PressureThresholds> = {},
): PressureThresholds {
  const { moderate, high, critical } = { ...DEFAULTS, ...given };
  if (!(moderate > 0 && moderate <= high && high <= critical)) {
    throw new RangeError(
      'thresholds must rise: 0 < moderate ≤ high ≤ critical',
    );
  }
  return { moderate, high, critical };
}

function levelOf(ratio: number, thresholds: PressureThresholds): PressureLevel {
  if (ratio >= thresholds.critical) return 'critical';
  if (ratio >= thresholds.high) return 'high';
  return ratio >= thresholds.moderate ? 'moderate' : 'low';
}

function isAbove(pressure: PressureLevel, level: PressureLevel): boolean {
  const rank = LEVELS.indexOf(level);
  if (rank < 0) {
    throw new RangeError(
      `'${level}' is no level; levels are ${LEVELS.join(', ')}`,
    );
  }
  return LEVELS.indexOf(pressure) > rank;
}

const usage = (
  { used, limit }: { used: number; limit: number },
): MemoryUsage => ({ used, limit, ratio: used / limit });
const optionalUsage = (
  given: { used: number; limit: number } | null,
): MemoryUsage | null => given && usage(given);
