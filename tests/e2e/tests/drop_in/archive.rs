//! What `make dist` packs, used as its README says.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tollgate_support::{Built, Envoy, Example, Process, Upstream, free_port};

use crate::{DropIn, root};

/// An archive of what tests have built, unpacked.
struct Archive {
    top: PathBuf,
}

// === impl Archive ===

impl Archive {
    fn unpack(folder: &Path) -> Self {
        let output = folder.join("dist");
        let mut pack = Command::new("python3");
        pack.args(["scripts/dist.py", "--profile", "debug", "--output"]).arg(&output);
        does(pack.current_dir(root()));
        let mut unpack = Command::new("sh");
        does(unpack.args(["-c", "tar xzf dist/*.tar.gz"]).current_dir(folder));
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut tops = entries.filter(|path| *path != output);
        Self { top: tops.next().unwrap() }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.top.join(path)).unwrap()
    }

    /// Links of its README do.
    fn leads_to_what_is_in_it(&self) {
        let readme = self.read("README.md");
        let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links: Vec<_> = links.filter(|link| !link.contains("://")).collect();
        assert!(links.contains(&"envoy/drop-in/README.md"), "{links:?}");
        let lost: Vec<_> = links.iter().filter(|link| !self.top.join(link).exists()).collect();
        assert_eq!(lost, Vec::<&&str>::new());
    }

    /// Changes ports in one of its files, as somebody does who uses them for other things.
    fn replace(&self, path: &str, written: u16, instead: u16) {
        let named = |port: u16| format!("127.0.0.1:{port}");
        let text = self.read(path).replace(&named(written), &named(instead));
        fs::write(self.top.join(path), text).unwrap();
    }
}

fn does(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_used_as_its_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, built) = (Archive::unpack(folder.path()), Built::find().unwrap());
    archive.leads_to_what_is_in_it();
    does(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&archive.top));

    let (upstream, [port, xds, asked, admin]) =
        (Upstream::start().await.unwrap(), [(); 4].map(|()| free_port().unwrap()));
    let config = "examples/quickstart/tollgate.yaml";
    archive.replace(config, 8080, port);
    archive.replace(config, 9000, upstream.port());
    let mut serve = Command::new(archive.top.join("bin/tollgate"));
    serve.args(["serve", config, "--xds", &format!("127.0.0.1:{xds}")]);
    serve.args(["--introspection", &format!("127.0.0.1:{asked}")]).current_dir(&archive.top);
    let _control_plane =
        Process::start("the control plane", serve, tempfile::tempdir().unwrap()).unwrap();
    let bootstrap = archive.read("envoy/bootstrap.yaml").replace("18000", &xds.to_string());
    let bootstrap = bootstrap.replace("19000", &admin.to_string());
    let mut envoy = Envoy::with_bootstrap(&built.envoy, &bootstrap, admin, 2).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.unwrap();

    // Envoy runs elsewhere here than its reader does.
    let module = archive.top.join("filters/auth.wasm").display().to_string();
    let auth = archive.read("envoy/drop-in/auth/envoy.yaml").replace("filters/auth.wasm", &module);
    assert!(auth.contains(&format!("filename: {module} ")), "{auth}");
    let auth = DropIn::start(&built.envoy, &auth, 10_000).await;

    let top = archive.top.display().to_string();
    let example = Example::at(&top).port(8080, port).port(10_000, auth.address.port());
    assert_eq!(example.follow(&built).await.unwrap(), 4);
    auth.never_trapped().await;
}
