//! The *table* of all codes: id, severity, title, what it means, and an example that gets it.

use super::Severity;
use super::{Code, Example};

macro_rules! codes {
    ($($name:ident $id:literal $severity:ident $title:literal $text:literal $example:ident($source:literal);)*) => {
        $(
            #[doc = $title]
            #[doc = ""]
            #[doc = $text]
            pub static $name: Code = Code {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                text: $text,
                example: Example::$example($source),
            };
        )*
        /// Every code, in the order of ids.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    SYNTAX "MG001" Error "The text is not in its syntax"
        "A configuration is written in Pungi's configuration language (`.conf`), in JSON (`.json`) or in YAML (`.yaml`, \
         `.yml`), by its name. Reading stops at the first place that cannot be understood. The configuration language looks \
         like Python and is not: only names, numbers, strings, `True`, `False`, `None`, lists, tuples, dicts, and `%` behind \
         a string."
        Conf("release_internal = false");
    UNREADABLE "MG002" Error "A file cannot be read"
        "The configuration, or a file that it includes, is not there, is not readable, is not UTF-8 or is larger than 64 MiB. \
         `from NAME import *` reads `NAME.conf` beside the file in which it stands; quotes would be part of the name."
        Conf("from settings import *");
    WRONG_TYPE "MG003" Error "A value has the wrong type"
        "Every option takes values of one type. Versions are strings and need quotes, since 9.10 and 9.1 are the same number."
        Conf("release_version = 9.2");
    NOT_ALLOWED "MG004" Error "A value is not one of those that the option takes"
        "The option takes a few words only, which the message lists."
        Conf(r#"link_type = "reflink""#);
    MISSING_KEY "MG005" Error "A required key is missing"
        "Every compose needs `release_name`, `release_short`, `release_version`, `variants_file`, `pkgset_source` and \
         `gather_method`; every image `name`, `distro` and `image_types`; a repository that is a dict `baseurl`."
        Conf(r#"osbuild = {"^Server$": [{"name": "server-qcow2", "distro": "fedora-42"}]}"#);
    UNEXPECTED_KEY "MG006" Error "An object has a key that it does not take"
        "Images and repositories take no keys but their own. A key that resembles a known one is probably a typo."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server-qcow2", "distro": "fedora-42", "image_types": "qcow2", "arch": ["x86_64"],
}]}"#);
    WRONG_LENGTH "MG007" Error "A list has too few or too many items"
        "`image_types` is one image type: Koji builds one for each task, so make one image of each type. `translate_paths` \
         is a list of pairs."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": ["qcow2", "vmdk"],
}]}"#);
    REQUIRES "MG008" Error "An option needs another one"
        "A layered product is described by `base_product_name`, `base_product_short` and `base_product_version` together; \
         `lorax_options` and `buildinstall_kickstart` need `buildinstall_method`; `pkgset_source = \"repos\"` needs \
         `pkgset_repos`, `pkgset_scratch_modules` needs `mbs_api_url`, `product_id_allow_missing` needs `product_id`."
        Conf(r#"base_product_name = "Example Linux""#);
    CONFLICTS "MG009" Error "Two options exclude each other"
        "`pkgset_source = \"koji\"` goes with the options of Koji, `pkgset_source = \"repos\"` with `pkgset_repos`. An option \
         that has its default excludes nothing."
        Conf(r#"pkgset_source = "koji"
pkgset_repos = {"x86_64": "https://example.com/repo"}"#);
    UPLOAD_OPTIONS "MG010" Error "Upload options fit no cloud"
        "`upload_options` are those of EC2, S3, Azure, GCP or a container registry, and nothing in them says which. The \
         message names the nearest kind and what is missing or too much for it."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server-ec2", "distro": "fedora-42", "image_types": "ec2", "upload_options": {"region": "us-east-1", "share": []},
}]}"#);
    UNKNOWN_OPTION "MG011" Warning "No option has this name"
        "Pungi has no top-level option of this name, so the value has no effect. In the configuration language a variable \
         that is used elsewhere is a top-level name, too."
        Conf(r#"osbuild_targt = "f42-image""#);
    DEPRECATED "MG012" Warning "An option has no effect any more"
        "Pungi has removed the option. It is accepted and does nothing; the message says what to do instead."
        Conf("productimg = False");
    BAD_RELEASE "MG013" Error "A release that productmd refuses"
        "The version of a release, or of the base product, is numbers joined by dots, or something that does not begin with a \
         digit; the type of the base product is one of productmd's. What becomes part of the compose id has no slash and no line \
         break. Pungi finds this when it makes the compose id, or never."
        Conf(r#"release_version = "42.beta""#);
    UNKNOWN_CHECKSUM "MG014" Error "An unknown checksum algorithm"
        "`media_checksums` are names of Python's hashlib, at least one. Pungi finds an unknown one, or none, when every image has \
         been built."
        Conf(r#"media_checksums = ["sha3"]"#);
    BAD_BASE_NAME "MG015" Error "A base name of checksum files that cannot be made"
        "`media_checksum_base_filename` is filled in twice, as `%(key)s` and as `{key}`. `dirname` is known only with \
         `media_checksum_one_file = True`. Pungi finishes such a compose with checksums missing from images.json. \
         With a slash in the name it finds no directory for the file."
        Conf(r#"media_checksum_base_filename = "%(release)s-{arch}""#);
    ONE_CHECKSUM "MG016" Error "One checksum file needs one algorithm"
        "With `media_checksum_one_file` each directory has one checksum file, so `media_checksums` must name exactly one \
         algorithm."
        Conf("media_checksum_one_file = True");
    TOO_LARGE "MG017" Error "The configuration is too large"
        "With every variable or alias written out the configuration would have more than five million values, or more than a \
         hundred thousand images. No compose is that large; a value that is used inside itself time and again is."
        Yaml(r"a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
g: [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]");
    YAML_WORD "MG018" Warning "A word that older YAML reads as a boolean"
        "The bare words yes, no, on and off are strings in YAML 1.2 and booleans in YAML 1.1, which PyYAML reads. Write `true` \
         or `false`, or put the word in quotes."
        Yaml(r"osbuild:
  ^Server$:
  - name: server
    distro: fedora-42
    image_types: qcow2
    customizations: {fips: on}");
    ADJACENT_STRINGS "MG019" Warning "Strings without a comma between them"
        "Commas may be left out in Pungi's configuration language, so these are two items; Python would make one string of \
         them. Usually a comma was forgotten, or a long string was meant to continue on the next line."
        Conf(r#"tree_arches = ["x86_64" "aarch64"]"#);
    STRING_PREFIX "MG020" Warning "A string with a prefix"
        "The configuration language knows no string prefixes: the value of `r\"x\"` is `\"x`, with the quote. Backslashes stay \
         as they are in every string, so regular expressions need no `r`."
        Conf(r#"osbuild_version = r"42""#);
    TRIPLE_QUOTES "MG021" Warning "A string in triple quotes"
        "The configuration language takes one quote off each end of a string, so two stay at both ends of this one."
        Conf(r#"release_discinfo_description = """Example Linux""""#);
    KEPT_ESCAPE "MG022" Warning "An escape that is not read"
        "The configuration language reads no escapes: a backslash stays in the value, as does what follows it. Text that could \
         be a regular expression is not reported."
        Conf(r#"release_discinfo_description = "Example \"Linux\"\n""#);
    UPLOAD_CLOUD "MG023" Error "Upload options of another cloud than the image's"
        "Images of one type can be uploaded to one cloud only, and the options are those of another. Reported only where \
         no kind that the options fit goes with the type; empty options are not sent. Koji's hub does not compare the two, so \
         it takes the task, which fails."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server-azure", "distro": "fedora-42", "image_types": "azure", "upload_options": {"region": "us-east-1"},
}]}"#);
    UNKNOWN_IMAGE_TYPE "MG024" Warning "An image type that looks like a slip"
        "The image type is not known, and one that is known differs by a letter or two."
        Conf(r#"osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "gest-image"}]}"#);
    UNLISTED_IMAGE_TYPE "MG025" Note "An image type that magudi does not know"
        "The image type is passed on as it is, and the builder may well know it. magudi cannot tell which files the image \
         will have, nor which cloud it can be uploaded to, so neither `manifest_type` nor `upload_options` is compared with it."
        Conf(r#"osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "game-console"}]}"#);
    UNKNOWN_PHASE "MG026" Error "A phase that Pungi does not have"
        "`skip_phases` names a phase that Pungi does not have: nothing would be skipped for it, and what was meant to be \
         skipped would run."
        Conf(r#"skip_phases = ["osbuld"]"#);
    LEFT_TO_PUNGI "MG027" Note "A phase that is left to Pungi"
        "The configuration asks for a phase that makes images and that magudi does not run: run `pungi-koji` for it, with \
         `--skip-phase` for the phases that magudi runs, and then magudi in the same compose. What stands in the section is \
         checked. `skip_phases` says that the phase is not wanted, and then nothing is said."
        Conf(r#"buildinstall_method = "lorax""#);

    VARIANTS_UNREADABLE "MG101" Error "The variants file cannot be read"
        "`variants_file` is a path beside the configuration, or a dict with `scm = \"file\"`. Files in other source \
         repositories must be checked out first."
        Conf(r#"variants_file = "variants-f42.xml""#);
    VARIANTS_INVALID "MG102" Error "The variants file is not valid"
        "The file must be what Pungi's variants.dtd asks for, and the ids and names in it what productmd takes."
        Variants(r#"<variants>
  <variant id="Server" name="Server" type="server">
    <arches><arch>x86_64</arch></arches>
  </variant>
</variants>"#);
    UNKNOWN_ARCH "MG103" Error "A variant has an unknown arch"
        "productmd refuses manifests with an arch that RPM does not know. Pungi finds this when every image has been built."
        Variants(r#"<variants>
  <variant id="Server" name="Server" type="variant">
    <arches><arch>x86-64</arch></arches>
  </variant>
</variants>"#);
    UNUSED_FILTER "MG104" Warning "A filter names nothing"
        "`tree_arches` and `tree_variants` leave out what they do not list, and one of their entries names no arch or variant of the compose."
        Conf(r#"tree_variants = ["Server", "Sever"]"#);
    NO_VARIANT_ARCH "MG105" Warning "A variant without an arch"
        "The variant lists no arch, or none but `src`, which nothing is built for. It is left out of the compose, and its \
         children with it."
        Variants(r#"<variants>
  <variant id="Server" name="Server" type="variant"/>
</variants>"#);
    LOOKASIDE "MG106" Error "A variant that cannot be a lookaside"
        "Each pair of `variant_as_lookaside` is a variant and the one whose packages it does not repeat. If the first exists, Pungi requires the second, with all arches of the first. Pairs of unknown variants have no effect."
        Conf(r#"variant_as_lookaside = [["Server", "Sever"]]"#);

    BAD_PATTERN "MG201" Error "A variant pattern is not a regular expression"
        "The keys of `osbuild` are regular expressions of Python that variant uids are compared with, from their beginning \
         on. Pungi finds a bad one after the compose has begun and does not name it."
        Conf(r#"osbuild = {"^(Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    UNUSED_PATTERN "MG202" Warning "A pattern matches no variant"
        "No variant of the compose has a uid that the pattern matches, so its images are not built. `tree_arches` and \
         `tree_variants` may have left the variant out."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {
    "^Cloud$": [{"name": "cloud", "distro": "fedora-42", "image_types": "qcow2"}],
    "^Sever$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2"}],
}"#);
    UNKNOWN_VARIANT "MG203" Error "A repository names an unknown variant"
        "An entry of `repo` that is neither a URL nor an absolute path is the uid of a variant whose packages are to be used."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "repo": ["Sever"],
}]}"#);
    UNKNOWN_GENERATOR "MG204" Error "An unknown generator"
        "A version or release that begins with `!` is made when the compose begins: `!RELEASE_FROM_LABEL_DATE_TYPE_RESPIN`, \
         `!RELEASE_FROM_DATE_RESPIN`, `!OSTREE_VERSION_FROM_LABEL_DATE_TYPE_RESPIN`, `!VERSION_FROM_VERSION_DATE_RESPIN` and \
         `!VERSION_FROM_VERSION`."
        Conf(r#"osbuild_target = "f42-image"
osbuild_release = "!RELEASE_FROM_DATE"
osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    MISSING_TARGET "MG205" Error "No build target"
        "Neither the image nor `osbuild_target` nor `global_target` names a build target. Pungi submits such a task, which \
         fails."
        Conf(r#"osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    NO_ARCH "MG206" Warning "No arch is left for an image"
        "The image and the variant have no arch in common, so the image is not built for this variant. Pungi crashes."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {
    "^Cloud$": [{"name": "cloud", "distro": "fedora-42", "image_types": "qcow2"}],
    "^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2", "arches": ["s390x"]}],
}"#);
    BAD_MANIFEST_TYPE "MG207" Error "A manifest type that images.json does not know"
        "`manifest_type` becomes the type of the image in images.json, and productmd knows some only. Pungi finds this when \
         every image has been built."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "manifest_type": "qcow3",
}]}"#);
    ODD_MANIFEST_TYPE "MG208" Warning "A manifest type that does not go with the image"
        "Images of this type usually are files of a format that readers of images.json do not expect of the `manifest_type`. \
         Nothing refuses it, but readers may not find the image or may misread it."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "manifest_type": "boot",
}]}"#);
    SAME_IDENTITY "MG209" Warning "Images with the same identity"
        "Readers of images.json tell images apart by subvariant, type, format, arch and disc number, and refuse a file in which \
         two are the same, even if they are of different variants. Give one of them another `subvariant`. With `--strict` this \
         is an error; a run that comes to it says so in its log."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {"^Server$": [
    {"name": "server", "distro": "fedora-42", "image_types": "qcow2"},
    {"name": "cloud", "distro": "fedora-42", "image_types": "qcow2"},
]}"#);
    SAME_NVR "MG210" Error "Two images ask for the same build"
        "A build can exist only once, so the hub takes the first of two images with the same name, version and release and \
         refuses the second. This is also the case for one image with a release of its own that is built for two variants."
        Conf(r#"osbuild_target = "f42-image"
osbuild_release = "1"
osbuild = {"^Server$": [
    {"name": "server", "distro": "fedora-42", "image_types": "qcow2", "subvariant": "One"},
    {"name": "server", "distro": "fedora-42", "image_types": "vmdk", "subvariant": "Two"},
]}"#);
    NOT_SENDABLE "MG211" Error "A value that cannot be sent to a hub"
        "`customizations` and `upload_options` travel to the hub as they are written, and XML-RPC has no integers beyond 64 \
         bits, no infinity, no control characters in strings and only strings for keys."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image",
    "customizations": {"disk": {"minsize": 99999999999999999999, "partitions": []}},
}]}"#);
    UNKNOWN_IMAGE_ARCH "MG212" Warning "An image is to be built for an unknown arch"
        "RPM knows no arch of this name, so no variant has it: the image is not built for it, nor can it fail there."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "arches": ["x86_64", "arm-64"],
}]}"#);
    UNSAFE_NAME "MG213" Warning "A name that no build can have"
        "The name, version and release of an image become parts of paths and of file names. The task would fail once the image \
         is built, or its files could not be taken into the compose."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {"^Server$": [{"name": "cloud/server", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    MISSING_SETTING "MG214" Error "A key that the hub needs is missing"
        "Neither the image nor the phase nor the compose has the key, and without it nothing can be built. Pungi sends the \
         word `None` in its place, or finds it missing when other images have been submitted."
        Conf(r#"live_media_target = "f42"
live_media = {"^Server$": [{"name": "Live", "kickstart": "live.ks"}]}"#);
    UNKNOWN_FORMAT "MG215" Error "A format that Koji does not make"
        "The formats of `image_build` are those that Koji gives ImageFactory. Pungi finds another one when the image has been \
         built."
        Conf(r#"image_build_target = "f42"
image_build = {"^Server$": [{"image-build": {
    "name": "Cloud", "kickstart": "cloud.ks", "ksurl": "https://example.com/ks.git#f42", "distro": "Fedora-42",
    "format": ["qcow3"],
}}]}"#);
    NOT_ONE_TYPE "MG216" Error "An image of several types, or of none"
        "A task of image-builder builds images of exactly one type. Pungi passes on what it is given, and the hub refuses it."
        Conf(r#"imagebuilder_target = "f42"
imagebuilder = {"^Server$": [{"name": "Minimal", "types": ["minimal-raw-xz", "qcow2"]}]}"#);
    UNKNOWN_OSTREE_KEY "MG217" Error "An ostree key that image-builder does not know"
        "The hub takes `parent`, `ref` and `url`, and refuses an image with another key."
        Conf(r#"imagebuilder_target = "f42"
imagebuilder = {"^Server$": [{
    "name": "IoT", "types": ["iot-commit"], "ostree": {"url": "https://ostree.example.com/", "branch": "f42"},
}]}"#);
    HYPHEN "MG218" Warning "A version or release with a hyphen"
        "Tools take the name of a build apart at its last two hyphens, and so does Koji: it does not find a build by name whose version \
         or release has one. Koji's own image tasks refuse such a version."
        Conf(r#"imagebuilder_target = "f42"
imagebuilder = {"^Server$": [{"name": "Minimal", "types": ["minimal-raw-xz"], "version": "42-beta"}]}"#);
    LOCAL_REPOSITORY "MG219" Warning "A repository that builders may not reach"
        "An image is built on another machine, which fetches packages from URLs. A local path is of use there only if that machine has \
         it, too. `translate_paths` maps paths to the URLs that lead to them."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "repo": ["/mnt/repos/extra"],
}]}"#);
    NOTHING_TO_BUILD "MG230" Error "Nothing to build"
        "The configuration lists images, and none of them is to be built: the patterns match no variant, no arch is left, or the phases \
         do not run. Such a compose would finish at once, without an image. `--allow-empty` lets it; with `--just-phase`, as in a compose \
         that is made in steps, and in a configuration that lists no image at all, it is not an error."
        Conf(r#"skip_phases = ["osbuild"]
osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image"}]}"#);
    FAILABLE_NOT_BUILT "MG231" Warning "An arch that may fail and is not built"
        "`failable` lists an arch for which the image is not built: its `arches` do not have it, or no variant of the image does. It probably belongs in `arches`, or is a typo."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image", "arches": ["x86_64"],
    "failable": ["aarch64"],
}]}"#);
    BASEARCH "MG232" Warning "A variable that builders do not know"
        "In the URLs of repositories builders put the arch in the place of `$arch`. They do not know `$basearch` of dnf, which is \
         sent as it is: only the tasks of `live_media` and `imagebuilder` do."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image",
    "repo": ["https://mirror.example.org/42/$basearch/os/"],
}]}"#);
    UNKNOWN_CUSTOMIZATION "MG233" Warning "A customization that osbuild-composer does not know"
        "`customizations` are sent as they are written to osbuild-composer, whose Cloud API refuses keys that it does not know, or \
         passes over them. A newer one may know the key."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-image",
    "customizations": {"pakcages": ["vim"]},
}]}"#);

    BAD_PROFILE "MG301" Error "No usable Koji profile"
        "`koji_profile`, or `--koji-profile`, names a profile in koji's own configuration files. Reported by `run` before \
         there is a compose; `check` looks at no profiles, which belong to the machine."
        Conf(r#"koji_profile = "koji-of-another-machine""#);
    NO_HUB "MG302" Error "The hub cannot be used"
        "The hub does not answer, or does not let the user in. Reported by `check --hub` and `plan --hub`; `run` logs in before \
         there is a compose, and ends with the same reason."
        Conf(r#"koji_profile = "koji-that-is-away""#);
    UNKNOWN_TARGET "MG303" Error "A build target that the hub does not know"
        "Every task for this target would fail. This and what follows is what the hub is asked before anything is submitted: by \
         `run` and `resume`, and by `check --hub` and `plan --hub` alone. An error that concerns only images that may fail \
         (`failable`) is a warning."
        Conf(r#"osbuild = {"^Server$": [{
    "name": "server", "distro": "fedora-42", "image_types": "qcow2", "target": "f42-imgae",
}]}"#);
    NOT_LISTED "MG304" Error "A package that the destination tag does not list"
        "A build is tagged into the destination tag of its target, which must list the package: an image's package is its `name`. \
         Koji finds this when the image has been built. A tag also lists what the tags list that it inherits from."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {"^Server$": [{"name": "server-new", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    BLOCKED "MG305" Error "A package that the destination tag blocks"
        "The destination tag of the target lists the package, and blocks it: the build could not be tagged."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {"^Server$": [{"name": "server-retired", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    CLOSED_TAG "MG306" Error "A destination tag that takes no builds"
        "The destination tag of the target is locked, needs a permission that the user does not have, or is gone. Koji finds this \
         when the image has been built."
        Conf(r#"osbuild_target = "f42-image-frozen"
osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2"}]}"#);
    NO_PERMISSION "MG307" Error "The user may not request images"
        "The hub's method for such images asks for a permission that the user does not have, and the user is not an admin."
        Conf(r#"koji_profile = "koji-where-we-may-not""#);
    NO_CHANNEL "MG308" Error "No channel for the tasks"
        "The hub does not know the channel that the tasks go to, or the channel is disabled: it would refuse every submission."
        Conf(r#"koji_profile = "koji-without-image-builders""#);
    NO_METHOD "MG309" Error "A method that the hub does not have"
        "Images are asked for by methods of plugins. This hub does not have the plugin."
        Conf(r#"koji_profile = "koji-without-osbuild""#);
    NO_VOLUME "MG310" Error "The Koji volume is missing"
        "Without `koji_cache`, images are taken from the Koji volume, which must be mounted at the `topdir` of the koji profile. \
         The usual mistake is an empty mount point. A warning for `check --hub` and `plan --hub`, which may run on another machine."
        Conf(r#"koji_profile = "koji-not-mounted""#);
    NOT_ANSWERED "MG311" Note "A question that the hub did not answer"
        "The hub does not know the method, does not allow it, or gave an answer that cannot be understood. Nothing is refused for that: if something is wrong there, the tasks show it."
        Conf(r#"koji_profile = "koji-of-long-ago""#);
    NO_COMMIT "MG312" Error "A branch whose commit is unknown"
        "Where Pungi takes the URL of a Git repository, `#HEAD` or `#origin/BRANCH` at its end, or a branch beside it, stands for \
         the newest commit there, which the repository is asked for with `git ls-remote`: by `run`, `resume` and \
         `plan --resolve` for the phases that run, before there is a compose, and by `config dump` for all. With \
         `config dump --offline` it stays a branch; `check` asks no repository."
        Conf(r#"comps_file = {"scm": "git", "repo": "https://git.example.invalid/comps.git", "file": "comps.xml"}"#);
    NO_REPOSITORY "MG313" Error "A repository that is not in the compose"
        "An image is built from the repository of its variant, and from those of others that it lists. One of them is \
         missing or incomplete in the given compose directory. `run` refuses that, unless it waits for them (`--wait-for-repos`, `--pungi`), \
         the image is `failable` or the hub is simulated; `check` and `plan` warn. This is not checked in a compose of magudi alone \
         without repositories."
        Conf(r#"osbuild_target = "f42-image"
osbuild = {"^Server$": [{"name": "server", "distro": "fedora-42", "image_types": "qcow2", "repo": ["Client"]}]}"#);
    BAD_CTS "MG314" Error "CTS cannot be used as configured"
        "With `cts_url`, the Compose Tracking Service gives a compose its id, and hears where it is. The login is by `cts_keytab`, which takes a \
         magudi built with the feature `gssapi`, else by `cts_oidc_token_url` and `cts_oidc_client_id` with the secret in the \
         environment variable `CTS_OIDC_CLIENT_SECRET`, else there is none. Reported by `run` and `resume` before there is a \
         compose; `check`, `plan` and simulated runs do not ask CTS."
        Conf(r#"cts_url = "cts.example.com""#);
}
