// minijinja as the other engines of the bench: for each NAME compile NAME.j2
// once, convert NAME.json once, render again and again, print the name, the
// median and the least nanoseconds, the bytes and whether NAME.out came.
use minijinja::{Environment, Value};
use std::time::Instant;

const REPEATS: usize = 7;
const REPEAT_SECONDS: f64 = 0.3;

fn bench(dir: &str, name: &str) {
    let read = |end: &str| std::fs::read_to_string(format!("{dir}/{name}{end}")).unwrap();
    let (text, want) = (read(".j2"), read(".out"));
    let json: serde_json::Value = serde_json::from_str(&read(".json")).unwrap();
    let context = Value::from_serialize(&json);
    let mut env = Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_keep_trailing_newline(true);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    minijinja_contrib::add_to_environment(&mut env);
    env.add_template("t", &text).unwrap();
    let template = env.get_template("t").unwrap();
    let out = match template.render(&context) {
        Ok(out) => out,
        Err(e) => {
            println!("{name}\t0\t0\t0\tfails: {}", e.to_string().replace('\n', " "));
            return;
        }
    };
    let start = Instant::now();
    for _ in 0..20 {
        std::hint::black_box(template.render(&context).unwrap());
    }
    let times = (REPEAT_SECONDS / (start.elapsed().as_secs_f64() / 20.0)) as usize + 1;
    let mut ns: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..times {
                std::hint::black_box(template.render(&context).unwrap());
            }
            start.elapsed().as_secs_f64() * 1e9 / times as f64
        })
        .collect();
    ns.sort_by(|a, b| a.total_cmp(b));
    let same = if out == want { "same" } else { "differs" };
    println!("{name}\t{:.0}\t{:.0}\t{}\t{same}", ns[REPEATS / 2], ns[0], out.len());
}

fn main() {
    let dir = std::env::var("BENCH_DIR").unwrap_or_else(|_| ".".into());
    for name in std::env::args().skip(1) {
        bench(&dir, &name);
    }
}
