/** Hosts, with all below them, that serve advertisements and count visitors. */
const AD_HOSTS = [
  'adform.net',
  'adnxs.com',
  'adroll.com',
  'adsafeprotected.com',
  'adsrvr.org',
  'amazon-adsystem.com',
  'bidswitch.net',
  'bluekai.com',
  'casalemedia.com',
  'chartbeat.com',
  'criteo.com',
  'criteo.net',
  'demdex.net',
  'doubleclick.net',
  'facebook.net',
  'google-analytics.com',
  'googleadservices.com',
  'googlesyndication.com',
  'googletagmanager.com',
  'googletagservices.com',
  'hotjar.com',
  'mathtag.com',
  'moatads.com',
  'mouseflow.com',
  'outbrain.com',
  'openx.net',
  'pubmatic.com',
  'quantserve.com',
  'rubiconproject.com',
  'scorecardresearch.com',
  'segment.io',
  'sharethrough.com',
  'taboola.com',
  'teads.tv',
  'yieldmo.com',
  'zedo.com',
];

const PATTERN = new RegExp(
  `^https?://([^/?#]*\\.)?(${AD_HOSTS.map((host) => host.replaceAll('.', '\\.')).join('|')})[:/?#]`,
);

export const isAd = (url: string): boolean => PATTERN.test(url);

/** Aborts what a context asks of advertising hosts. */
export const blockAds = (context: any): Promise<void> =>
  context.route(PATTERN, (route: any) => route.abort('blockedbyclient'));
