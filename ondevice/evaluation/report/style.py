"""How the page looks."""

STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--paper:#fff;--rule:#d8dee4;--warn:#fff4d6;
--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#6e7781}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;
--rule:#30363d;--warn:#3a2d0b;--c0:#58a6ff;--c1:#f0883e;--c2:#56d364;--c3:#bc8cff;--c4:#f778ba;
--c5:#8b949e}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin-top:2rem}
p,figcaption{color:var(--soft)}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}
td:first-child{white-space:normal;min-width:9rem}
.warnings{background:var(--warn);padding:.6rem .6rem .6rem 1.8rem;border-radius:.4rem}
figure{margin:1.5rem 0;max-width:44rem}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font-size:13px}
.grid{stroke:var(--rule)}
.line{fill:none;stroke-width:2.5}
.bar{stroke-width:1.5}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:.3rem 0}
.key{display:inline-block;width:.9rem;height:.25rem;margin-right:.4rem;vertical-align:middle}
@media(max-width:34rem){svg text{font-size:22px}}
summary{cursor:pointer;color:var(--soft);font-size:.9rem}
""" + "".join(
    f".line.c{n}{{stroke:var(--c{n})}}.dot.c{n}{{fill:var(--c{n})}}"
    f".key.c{n}{{background:var(--c{n})}}\n"
    for n in range(6)
)
