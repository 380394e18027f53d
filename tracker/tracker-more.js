// What not every page wants to know: links, downloads, forms, elements, scroll depth, vitals, and pages that are not there.
//
// Fetched by tracker.js where `data-track` asks: it names what to track, or is empty for all of it. What it leaves here
// is `document.currentScript.aq`. Nothing of a page is held up: what is clicked and sent is only listened to.
(() => {
  const aq = document.currentScript.aq
  const asked = (aq.settings.track.match(/[\w-]+/g) || []).map(name => name.toLowerCase())
  const wants = name => !asked[0] || asked.includes(name)
  const safely = work => (...given) => {
    try {
      return work(...given)
    } catch {}
  }
  const listen = (type, work) => addEventListener(type, safely(work), { capture: true, passive: true })

  // --- Links and downloads ---------------------------------------------------------------------------------------------

  const FILES = new Set(
    (
      "7z apk avi csv deb dmg doc docx epub exe gz ics iso jar key mid midi mkv mov mp3 mp4 mpeg msi odp ods odt ogg " +
      "pdf pkg pps ppt pptx rar rpm rtf tar tgz txt wav webm wma wmv xls xlsm xlsx xz zip"
    ).split(" ")
  )
  const own = [location.host, ...(aq.settings.ownHosts || "").split(/[\s,]+/)]

  // Through open shadow roots, too; links in drawings have an object for an address.
  const readAddress = element => {
    const href = element.href && (element.href.baseVal === undefined ? element.href : element.href.baseVal)
    if (!href || !/^(a|area)$/i.test(element.localName)) return
    const address = new URL(href, document.baseURI)
    return /^https?:$/.test(address.protocol) ? address : undefined
  }

  const followLink = path => {
    for (const element of path) {
      const address = element.localName && readAddress(element)
      if (!address) continue
      const ending = (/\.(\w+)$/.exec(address.pathname) || [])[1]
      const isFile = FILES.has(String(ending).toLowerCase()) || (element.hasAttribute && element.hasAttribute("download"))
      // Its query may hold what is nobody's business.
      const properties = { url: (address.origin + address.pathname).slice(0, 2000) }
      if (isFile && wants("downloads")) aq("$download", properties)
      else if (!own.includes(address.host) && wants("links")) aq("$link", properties)
      return
    }
  }

  // --- Elements that name an event -----------------------------------------------------------------------------------

  // Of `data-aq-plan="pro"` the property is `plan`.
  const name = element => {
    const properties = {}
    for (const [key, value] of Object.entries(element.dataset)) {
      const property = /^aq(?=[A-Z])/.test(key) && key[2].toLowerCase() + key.slice(3)
      if (property && property !== "event") properties[property] = value
    }
    aq(element.dataset.aqEvent, properties)
  }

  const findNamed = path => path.find(element => element.dataset && element.dataset.aqEvent)

  const click = event => {
    // The middle button opens a link, the right one a menu.
    if (event.type === "auxclick" && event.button !== 1) return
    const path = event.composedPath()
    const named = wants("elements") && findNamed(path)
    // What is sent counts when it is sent.
    if (named && named.localName !== "form") name(named)
    followLink(path)
  }
  listen("click", click)
  listen("auxclick", click)

  // --- Forms: that they were sent, and never what was written in them ----------------------------------------------------

  listen("submit", event => {
    const form = event.composedPath()[0]
    if (wants("elements") && form.dataset.aqEvent) name(form)
    else if (wants("forms")) {
      const action = form.getAttribute("action")
      const called = form.getAttribute("name") || form.id || (action && new URL(action, document.baseURI).pathname)
      aq("$form", { form: (called || "").slice(0, 256) })
    }
  })

  // --- Scroll depth: how much of the page was seen, in percent -----------------------------------------------------------

  if (wants("scroll")) {
    let toldDepth = 0
    const measure = safely(() => {
      const { scrollHeight } = document.documentElement
      const depth = Math.round((100 * (scrollY + innerHeight)) / Math.max(scrollHeight, innerHeight, 1))
      if (!aq.scroll) toldDepth = 0
      aq.scroll = Math.max(aq.scroll || 0, Math.min(100, depth))
      // Five percent more are worth telling, however short the time.
      if (aq.scroll < toldDepth + 5) return
      toldDepth = aq.scroll
      aq.told -= 1
    })
    measure()
    aq.measure = measure
    listen("scroll", measure)
    new ResizeObserver(measure).observe(document.documentElement)
  }

  // --- Vitals: how fast the page was, once a document, when it is first left -----------------------------------------------

  if (wants("vitals")) {
    const vitals = {}
    const observe = safely((type, note, options) => {
      const observer = new PerformanceObserver(list => list.getEntries().forEach(safely(note)))
      observer.observe(Object.assign({ type, buffered: true }, options))
    })
    let shift = 0
    let [first, last] = [0, 0]
    // The worst run of shifts: none over 5 s, with no pause over 1 s.
    const noteShift = entry => {
      if (entry.hadRecentInput) return
      const goesOn = entry.startTime - last < 1000 && entry.startTime - first < 5000
      shift = goesOn ? shift + entry.value : entry.value
      first = goesOn ? first : entry.startTime
      last = entry.startTime
      vitals.cls = Math.max(vitals.cls, Math.round(shift * 1e4) / 1e4)
    }
    if (PerformanceObserver.supportedEntryTypes.includes("layout-shift")) vitals.cls = 0
    observe("layout-shift", noteShift)
    observe("largest-contentful-paint", entry => (vitals.lcp = Math.round(entry.startTime)))
    observe("paint", entry => {
      if (entry.name === "first-contentful-paint") vitals.fcp = Math.round(entry.startTime)
    })
    const noteDelay = entry => {
      if (entry.interactionId) vitals.inp = Math.max(vitals.inp || 0, Math.round(entry.duration))
    }
    observe("event", noteDelay, { durationThreshold: 40 })
    observe("first-input", noteDelay)
    let isTold
    const tell = () => {
      if (isTold || !(document.hidden || isLeaving)) return
      isTold = true
      const [navigation] = performance.getEntriesByType("navigation")
      if (navigation) vitals.ttfb = Math.round(navigation.responseStart)
      aq("$vitals", vitals)
    }
    let isLeaving
    listen("visibilitychange", tell)
    listen("pagehide", () => {
      isLeaving = true
      tell()
    })
  }

  // --- A page that is not there --------------------------------------------------------------------------------------------

  if (asked.includes("404")) aq("$404", { referrer: document.referrer })
})()
