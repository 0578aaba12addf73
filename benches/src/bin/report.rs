//! Makes tables and pictures of what the benchmarks have left behind.
//!
//! PERFORMANCE.md has a table of each question for each vendor of processors that was measured, side by side. Only those of this machine's
//! vendor are written anew; a question that was not asked keeps its table.
//!
//! ```text
//! cargo bench -p benches               # or with -- --quick
//! cargo run -p benches --bin report    # writes benches/report/*.svg, and the tables of PERFORMANCE.md
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{error, fs};

use benches::report::folder;

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

/// A line of a file: question, contender, figures.
struct Line {
    question: String,
    contender: String,
    figures: Vec<f64>,
}

fn read(name: &str) -> Vec<Line> {
    let Ok(text) = fs::read_to_string(folder().join(format!("{name}.tsv"))) else { return Vec::new() };
    let line = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let (question, contender) = (fields.next()?, fields.next()?);
        let figures = fields.filter_map(|field| field.parse().ok()).collect();
        Some(Line { question, contender, figures })
    };
    text.lines().filter_map(line).collect()
}

fn main() -> Result<()> {
    let out = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("report");
    fs::create_dir_all(&out)?;
    let (sends, delays): (Vec<_>, Vec<_>) = read("wake").into_iter().partition(|line| line.question == "a send");
    let rates = [
        "one_to_one",
        "throughput",
        "sizes",
        "streams",
        "many",
        "broadcast",
        "orders",
        "maps",
        "busy",
        "uncontended",
        "mutex",
        "semaphore",
    ];
    let latency = read("latency");
    let mut parts: Vec<(&str, String)> = rates.map(|name| (name, table(&read(name)))).into();
    parts.extend(
        [("latency", &latency), ("sends", &sends), ("delays", &delays)].map(|(name, of)| (name, percentiles(of))),
    );
    parts.push(("waiters", grid(&read("waiters"), |figure| figure)));
    let vendor = vendor()?;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../PERFORMANCE.md");
    let mut text = fs::read_to_string(&page)?;
    for (name, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        insert(&mut text, &format!("{name}, {vendor}"), part)?;
    }
    insert(&mut text, &format!("machine, {vendor}"), &machine())?;
    insert(&mut text, "instructions", &instructions()?)?;
    fs::write(page, text)?;
    sizes(&out, &vendor, &read("sizes"))?;
    for (name, title) in [
        ("one_to_one", "One to one, 8 bytes: million messages a second"),
        ("throughput", "The queue, one to one, 8 bytes: million messages a second"),
        ("many", "Many to many: million messages a second"),
        ("broadcast", "Broadcast: million messages a second"),
    ] {
        bars(&out, &format!("{name}-{vendor}"), title, &read(name))?;
    }
    latency_picture(&out, &vendor, &latency)?;
    Ok(())
}

/// The vendor of this machine's processor, as its part of marks and names.
fn vendor() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let id = cpu.lines().find_map(|line| line.strip_prefix("vendor_id")).ok_or("the processor has no vendor")?;
    Ok(match id.trim_start_matches([' ', '\t', ':']) {
        "AuthenticAMD" => "amd".to_owned(),
        "GenuineIntel" => "intel".to_owned(),
        other => other.to_lowercase(),
    })
}

/// Puts this between the marks of that name.
fn insert(text: &mut String, name: &str, part: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let from = text.find(&begin).ok_or_else(|| format!("PERFORMANCE.md has no mark {begin:?}"))? + begin.len();
    let len = text[from..].find(&end).ok_or_else(|| format!("PERFORMANCE.md has no mark {end:?}"))?;
    text.replace_range(from..from + len, &format!("\n{}\n\n", part.trim_end()));
    Ok(())
}

/// The table that the program of that name has recorded.
fn instructions() -> Result<String> {
    let recorded = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv"))?;
    let rows = recorded.lines().filter_map(|line| line.split_once('\t'));
    let rows: String = rows.map(|(operation, count)| format!("| {operation} | {count} |\n")).collect();
    Ok(format!("| operation | instructions |\n|---|---:|\n{rows}"))
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("").trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    // 6.18.44-whose-build
    let kernel: Vec<&str> = kernel.trim().split('.').take(2).collect();
    let [family, model] = ["cpu family", "model\t"].map(|key| {
        let value = cpu.lines().find_map(|line| line.strip_prefix(key));
        value.unwrap_or("").trim_start_matches([' ', '\t', ':']).to_owned()
    });
    format!("{name} (family {family}, model {model}), {cores} cores, Linux {}.", kernel.join("."))
}

/// A Markdown table in millions a second, of nanoseconds for each.
fn table(lines: &[Line]) -> String {
    grid(lines, |nanos| 1e3 / nanos)
}

/// A Markdown table: a row for each contender, a column for each question.
fn grid(lines: &[Line], shown: impl Fn(f64) -> f64) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut questions: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for line in lines {
        if !questions.contains(&line.question.as_str()) {
            questions.push(&line.question);
        }
        let median = line.figures.first().copied().unwrap_or(f64::NAN);
        rows.entry(&line.contender).or_default().insert(&line.question, shown(median));
    }
    questions.sort_by_key(|question| size(question));
    let mut table = "| |".to_owned();
    table += &questions.iter().map(|question| format!(" {question} |")).collect::<String>();
    table += &format!("\n|---|{}\n", "---:|".repeat(questions.len()));
    for (contender, figures) in rows {
        let cell =
            |question: &&str| figures.get(question).map_or(" |".to_owned(), |value| format!(" {} |", short(*value)));
        table += &format!("| {contender} |{}\n", questions.iter().map(cell).collect::<String>());
    }
    table
}

/// A Markdown table: a row for each contender, in microseconds.
fn percentiles(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut table = "| | p50 | p99 | p99.9 |\n|---|---:|---:|---:|\n".to_owned();
    for line in lines {
        let cells = line.figures.iter().map(|nanos| format!(" {:.2} |", nanos / 1e3)).collect::<String>();
        table += &format!("| {} |{cells}\n", line.contender);
    }
    table
}

fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.4}"),
    }
}

/// Bytes of a question that is a size; others stay where they are.
fn size(question: &str) -> u64 {
    let mut words = question.split(' ');
    let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or_else(|| {
        // "to 16"
        words.clone().next_back().and_then(|word| word.parse().ok()).unwrap_or(0)
    });
    match words.next() {
        Some("B") => number,
        Some("KiB") => number << 10,
        Some("MiB") => number << 20,
        _ => number,
    }
}

const COLOURS: [&str; 16] = [
    "#1b6ca8", "#c0392b", "#27ae60", "#8e44ad", "#d68910", "#16a085", "#7f8c8d", "#2c3e50", "#e67e22", "#6c3483",
    "#117a65", "#943126", "#5dade2", "#f1948a", "#b7950b", "#58d68d",
];

fn svg(width: u32, height: u32, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn text(x: f64, y: f64, anchor: &str, content: &str) -> String {
    format!("<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{content}</text>\n")
}

/// Bytes a second by size, both on logarithmic scales.
fn sizes(out: &Path, vendor: &str, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut curves: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        let bytes = size(&line.question) as f64;
        if let Some(nanos) = line.figures.first() {
            curves.entry(&line.contender).or_default().push((bytes.log2(), (bytes / nanos).log10()));
        }
    }
    let (left, top, width, height) = (70.0, 50.0, 520.0, 400.0);
    let x = |log: f64| left + (log - 3.0) / 17.0 * width;
    let y = |log: f64| top + height - (log + 3.0) / 7.0 * height;
    let mut body = text(left, 25.0, "start", "Throughput by message size, GB/s (both axes logarithmic)");
    for (log, name) in [(3.0, "8 B"), (6.0, "64 B"), (10.0, "1 KiB"), (16.0, "64 KiB"), (20.0, "1 MiB")] {
        body += &text(x(log), top + height + 20.0, "middle", name);
        body += &format!("<path d=\"M{0:.0} {top}V{1:.0}\" stroke=\"#dddddd\"/>\n", x(log), top + height);
    }
    for log in -3..=4 {
        let name = format!("{}", 10_f64.powi(log));
        body += &text(left - 8.0, y(log.into()) + 4.0, "end", &name);
        body += &format!("<path d=\"M{left} {0:.0}H{1:.0}\" stroke=\"#dddddd\"/>\n", y(log.into()), left + width);
    }
    for (index, (contender, points)) in curves.iter_mut().enumerate() {
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        let colour = COLOURS[index % COLOURS.len()];
        let path: Vec<String> =
            points.iter().map(|(bytes, rate)| format!("{:.1},{:.1}", x(*bytes), y(*rate))).collect();
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        let row = top + 16.0 * index as f64;
        body += &format!("<rect x=\"610\" y=\"{:.0}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n", row - 6.0);
        body += &text(628.0, row + 5.0, "start", contender);
    }
    fs::write(out.join(format!("sizes-{vendor}.svg")), svg(800, 490, &body))?;
    Ok(())
}

/// A bar for each contender of each question.
fn bars(out: &Path, name: &str, title: &str, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let most = lines.iter().filter_map(|line| line.figures.first()).map(|nanos| 1e3 / nanos).fold(0.0, f64::max);
    let mut body = text(20.0, 25.0, "start", title);
    for (index, line) in lines.iter().enumerate() {
        let rate = 1e3 / line.figures.first().copied().unwrap_or(f64::INFINITY);
        let row = 45.0 + 24.0 * index as f64;
        let colour = if line.contender.starts_with("ours") { COLOURS[0] } else { COLOURS[6] };
        body += &text(280.0, row + 13.0, "end", &format!("{}, {}", line.question, line.contender));
        let width = rate / most * 400.0;
        body += &format!("<rect x=\"290\" y=\"{row:.0}\" width=\"{width:.1}\" height=\"18\" fill=\"{colour}\"/>\n");
        body += &text(296.0 + width, row + 13.0, "start", &short(rate));
    }
    fs::write(out.join(format!("{name}.svg")), svg(780, 60 + 24 * lines.len() as u32, &body))?;
    Ok(())
}

/// Three bars for each contender, on a logarithmic scale.
fn latency_picture(out: &Path, vendor: &str, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut body = text(20.0, 25.0, "start", "Round trips: p50, p99 and p99.9 in microseconds (logarithmic)");
    for (index, line) in lines.iter().enumerate() {
        let row = 45.0 + 54.0 * index as f64;
        body += &text(220.0, row + 28.0, "end", &line.contender);
        for (bar, nanos) in line.figures.iter().enumerate() {
            let width = ((nanos / 1e3).log10() + 1.5).max(0.05) * 100.0;
            let (y, colour) = (row + 15.0 * bar as f64, [COLOURS[0], COLOURS[4], COLOURS[1]][bar.min(2)]);
            body += &format!("<rect x=\"230\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"13\" fill=\"{colour}\"/>\n");
            body += &text(236.0 + width, y + 11.0, "start", &format!("{:.2}", nanos / 1e3));
        }
    }
    fs::write(out.join(format!("latency-{vendor}.svg")), svg(780, 60 + 54 * lines.len() as u32, &body))?;
    Ok(())
}
