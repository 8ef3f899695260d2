//! What holds for whatever a Pungi beside us prints and writes: its phases have names that can be shown, and a compose is only
//! finished when it says so and has ended well.

use crate::files;
use magudi_compose::status::Status;
use magudi_engine::pungi::{How, Verdict, phase, worse};

/// The STATUS that it wrote, and its output.
pub fn pungi(data: &[u8]) {
    let mut parts = files(data);
    let status = parts.next().map(|text| String::from_utf8_lossy(text).into_owned());
    for line in parts.next().unwrap_or_default().split(|byte| *byte == b'\n') {
        if let Some((name, _)) = phase(&String::from_utf8_lossy(line)) {
            assert!(!name.is_empty() && name.len() < 64, "{name:?}");
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_- ".contains(c)),
                "{name:?}"
            );
        }
    }
    let said = status.as_deref().and_then(Status::parse);
    let ends = [
        How::Exited { code: 0 },
        How::Exited { code: 1 },
        How::Killed { signal: 9 },
        How::Unseen,
        How::Lost { reason: "it is away".to_owned() },
        How::Running,
    ];
    for how in ends {
        let ended_well = matches!(how, How::Exited { code: 0 } | How::Unseen);
        let (status, problem) = Verdict { status: status.clone(), how }.status();
        let is_finished = matches!(status, Status::Finished | Status::FinishedIncomplete);
        assert_eq!(problem.is_none(), is_finished, "{status}: {problem:?}");
        assert!(!is_finished || (ended_well && said == Some(status)), "{status}");
        assert_eq!(worse(status, Status::Finished), status);
    }
}
