// The tracker: counts the views and events of a page, and gets each to the server once.
//
// It is served without comments, blank lines and indentation, and otherwise as it stands here: so a comment has lines
// of its own, and there are no template strings (analytics/web/strip.py). Packed, that is at most 2.5 KB. Nothing is
// kept in the browser but the wish not to be counted, and an error here is never the page's.
(() => {
  const safely = work => (...given) => {
    try {
      return work(...given)
    } catch {}
  }

  // --- Settings: of this script, else of one that has a key, else of aq.config ----------------------------------------

  const keyOf = tag => tag && (/key="?(pk_[\w-]+)/.exec(tag.outerHTML) || [])[1]
  let tag = document.currentScript
  if (!keyOf(tag)) tag = document.querySelector("script[data-key],script[src*='key=pk_']")
  const src = (tag && tag.src) || location.href
  const settings = Object.assign({ key: keyOf(tag), endpoint: new URL(src).origin }, tag && tag.dataset)

  // --- Whether to count: true, false, or not known yet ---------------------------------------------------------------

  let isOff, consents

  const consent = isGiven => {
    consents = !isOff && isGiven
    if (consents === false) items = []
    flush()
  }

  // Where storage is forbidden nobody has opted out, but for this page.
  const heed = safely(wish => {
    if (wish === "#aq-off") isOff = true
    if (isOff) localStorage.aqOff = 1
    if (wish === "#aq-on") delete localStorage.aqOff
    isOff = localStorage.aqOff
  })

  // --- Sending: each event until the server has answered for it, by the same id --------------------------------------

  // Events without an answer: { text, size, lost, tries, since, flying, kept }.
  let items = []
  // Given up, and not told yet.
  let lost = 0
  let failures = 0
  let timer

  const put = safely(event => {
    if (api.before) event = api.before(event)
    if (!event || consents === false) return
    if (lost) event.lost = lost
    const text = JSON.stringify(event)
    items.push({ text, size: new Blob([text]).size + 1, lost, tries: 0 })
    lost = 0
    // At most 900 kB wait, 300 bytes more an event: so 3,000 at the utmost. The oldest goes, but none that is on its
    // way, for it may be stored.
    let size = 0
    for (const item of items) size += item.size + 300
    items = items.filter(item => {
      if (item.flying || size < 9e5) return true
      size -= item.size + 300
      lost += 1 + item.lost
    })
    Promise.resolve().then(flush)
  })

  const keeps = "keepalive" in Request.prototype

  // At most 16 KiB a request, and 48 KiB that outlive the page, for all that do share 64 KiB. What is beyond goes at
  // once as well when it goes for the first time, and ends with the page: when that goes it is sent again, as is what
  // waits. What did not get through takes its turn within the 48 KiB.
  const flush = last => {
    while (consents && (last || !timer)) {
      let flying = 0
      let size = 0
      const batch = items.filter(item => {
        if (item.kept) flying += item.size
        else if (last || !item.flying) return (size += item.size) < 16340 || size === item.size
      })
      if (!batch[0] || (batch[0].tries && !last && flying > 32600)) return
      const keepalive = keeps && !(flying > 32600)
      const url = settings.endpoint + "/events?key=" + settings.key
      const body = '[{"sentAt":' + JSON.stringify(new Date()) + "," + batch.map(item => item.text).join().slice(1) + "]"
      for (const item of batch) {
        item.flying = true
        item.kept = last || keepalive
        item.tries++
        item.since = item.since || new Date()
      }
      if (last && !keeps) navigator.sendBeacon(url, body)
      else
        fetch(url, { method: "POST", body, keepalive, credentials: "omit" }).then(
          answer => settle(batch, answer.status, answer.headers.get("Retry-After")),
          () => settle(batch, 500)
        )
    }
  }

  // What is answered is done, also what is refused. The rest is tried 8 times or for 15 minutes.
  const settle = (batch, status, after) => {
    const repeats = status === 429 || status > 499
    items = items.filter(item => {
      if (!batch.includes(item)) return true
      item.flying = item.kept = false
      if (!repeats) return
      if (item.tries < 8 && new Date() - item.since < 9e5) return true
      lost += 1 + item.lost
    })
    if (!repeats) failures = 0
    else if (!timer)
      timer = setTimeout(() => {
        timer = 0
        flush()
      }, (+after || Math.min(60, 2 ** failures++)) * (1000 + 300 * Math.random()))
    flush()
  }

  // --- Events --------------------------------------------------------------------------------------------------------

  let userId

  // A UUID of version 7: they are stored in the order in which they were made.
  const makeId = () =>
    ("0" + Date.now().toString(16) + "-7xxx-8xxx-xxxxxxxxxxxx")
      .replace(/x/g, () => ((Math.random() * 16) | 0).toString(16))
      .replace(/.{8}/, "$&-")

  // What tells pages apart: the path, and the route of a page that has one in its fragment.
  const findPage = () => {
    const { pathname, search, hash } = location
    const route = settings.hash || /^#!?\//.test(hash) ? hash : ""
    return (pathname + ("query" in settings ? search : "") + route).replace(/\/?#!?\/?/, "/")
  }

  const make = (event, fields) =>
    Object.assign(
      {
        eventId: makeId(),
        event,
        timestamp: new Date(),
        url: location.href.slice(0, 4000),
        path: fields.url ? undefined : findPage(),
        language: navigator.language,
        screen: screen.width + "x" + screen.height,
        userId,
        automation: navigator.webdriver || undefined,
      },
      fields
    )

  // --- Views ---------------------------------------------------------------------------------------------------------

  // The view that this page is, and whether it is still to be sent: its title may come a little later.
  let current = {}
  let isOpen
  let page
  let referrer = document.referrer

  const moved = () => {
    if (settings.auto !== "off" && !document.hidden && findPage() !== page) view()
  }

  const view = given => {
    entitle()
    engage()
    page = findPage()
    current = make("pageview", Object.assign({ referrer }, given))
    referrer = current.url
    engaged = api.told = 0
    usedAt = since
    api.scroll = api.scroll && 0
    isOpen = true
    setTimeout(view => current === view && entitle(document.title), 300, current)
  }

  const entitle = title => {
    if (!isOpen) return
    isOpen = false
    current.title = current.title || title
    put(current)
  }

  // --- Engagement: while the page is seen and used, in total of each view --------------------------------------------

  let engaged, since, usedAt, isUsed

  const tick = () => {
    const now = performance.now()
    if (isUsed) engaged += Math.max(0, Math.min(now, usedAt + 3e5) - since)
    since = now
    isUsed = !document.hidden && document.hasFocus()
  }

  const engage = () => {
    tick()
    if (api.measure) api.measure()
    const { url, path, eventId } = current
    const seconds = Math.round(engaged / 100) / 10
    if (!(seconds - api.told >= 1)) return
    api.told = seconds
    put(make("$engagement", { url, path, properties: { view: eventId, seconds, scroll: api.scroll } }))
  }

  // --- The page comes and goes ---------------------------------------------------------------------------------------

  const hear = safely(({ type, persisted }) => {
    tick()
    usedAt = since
    if (type === "pageshow" && persisted) page = referrer = undefined
    if (document.hidden || type === "pagehide") {
      entitle(document.title)
      engage()
      flush(true)
    } else {
      if (persisted || type[0] === "v") for (const item of items) item.flying = item.kept = false
      moved()
      flush()
    }
  })

  const start = safely(() => {
    const mark = "aq:" + settings.key
    if (!settings.key || window[mark]) return
    window[mark] = true
    heed(location.hash)
    if (window !== top && !("frames" in settings)) isOff = true
    consent(settings.consent !== "wait" || undefined)
    for (const name of ["pushState", "replaceState"]) {
      const native = history[name]
      history[name] = (...given) => {
        try {
          return native.apply(history, given)
        } finally {
          safely(moved)()
        }
      }
    }
    const types = "visibilitychange pagehide pageshow popstate hashchange focus blur keydown pointerdown pointermove scroll"
    for (const type of types.split(" ")) addEventListener(type, hear, true)
    moved()
    if ("track" in settings) {
      const more = document.createElement("script")
      more.src = src.replace(/\.js(\?|$)/, "-more.js$1")
      more.aq = api
      document.head.append(more)
    }
  })

  // --- What the page may call ----------------------------------------------------------------------------------------

  const api = safely((name, properties) => {
    entitle(document.title)
    put(make("" + name, { properties }))
  })
  Object.assign(api, {
    settings,
    view: safely(view),
    consent,
    identify: id => {
      userId = id
      api("$identify")
    },
    off: () => {
      heed("#aq-off")
      consent()
    },
    config: given => {
      Object.assign(settings, given)
      start()
    },
  })

  const name = settings.global || "aq"
  // A function of that name that has no queue is somebody else's.
  const { q, before } = window[name] || { q: [] }
  api.before = before
  if (q) window[name] = api
  start()
  if (q) for (const call of q) api(...call)
})()
