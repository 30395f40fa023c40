# The Debian package: `./x package` makes it of the release build, and docs/install.md says what it
# does on a machine. Its scripts and control files are in deploy/debian.
#
# Destinations begin at the root of the file system: this is the only thing that is installed.

set(debian ${PROJECT_SOURCE_DIR}/deploy/debian)
set(made ${CMAKE_BINARY_DIR}/package)

# What the programs say of themselves, as files.
set(manual help2man --no-info --source=Starling --version-string=${PROJECT_VERSION})
add_custom_command(
  OUTPUT ${made}/starlingctl.bash ${made}/_starlingctl ${made}/starlingd.8.gz
         ${made}/starlingctl.1.gz ${made}/changelog.gz
  COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
  COMMAND starlingctl completion bash >${made}/starlingctl.bash
  COMMAND starlingctl completion zsh >${made}/_starlingctl
  COMMAND ${manual} --section=8 "--name=one node of an XMPP server" $<TARGET_FILE:starlingd>
          --output=${made}/starlingd.8
  COMMAND ${manual} --section=1 "--name=gives commands to a Starling node"
          $<TARGET_FILE:starlingctl> --output=${made}/starlingctl.1
  COMMAND gzip -9nf ${made}/starlingd.8 ${made}/starlingctl.1
  COMMAND gzip -9nc ${debian}/changelog >${made}/changelog.gz
  DEPENDS starlingd starlingctl ${debian}/changelog
  COMMENT "Shell completions, manual pages, changelog")
add_custom_target(package_files DEPENDS ${made}/changelog.gz)

# Nothing that decides where calls go can be written to once they run.
foreach(program starlingd starlingctl)
  target_link_options(${program} PRIVATE LINKER:-z,now)
endforeach()
install(TARGETS starlingd RUNTIME DESTINATION usr/sbin)
install(TARGETS starlingctl RUNTIME DESTINATION usr/bin)
install(FILES ${made}/starlingd.8.gz DESTINATION usr/share/man/man8)
install(FILES ${made}/starlingctl.1.gz DESTINATION usr/share/man/man1)
install(FILES ${made}/starlingctl.bash DESTINATION usr/share/bash-completion/completions
        RENAME starlingctl)
install(FILES ${made}/_starlingctl DESTINATION usr/share/zsh/vendor-completions)
install(FILES deploy/systemd/starling.service DESTINATION lib/systemd/system)
install(FILES deploy/systemd/starling.tmpfiles DESTINATION usr/lib/tmpfiles.d
        RENAME starling.conf)
# Not for everybody to read, as it may come to hold a password: postinst gives it to the group.
install(FILES deploy/starling.yml DESTINATION etc/starling
        PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES ${made}/changelog.gz ${debian}/copyright docs/starling.schema.json
        DESTINATION usr/share/doc/starling)
install(DIRECTORY docs/ DESTINATION usr/share/doc/starling
        FILES_MATCHING PATTERN *.md PATTERN *.svg)
install(FILES ${debian}/lintian-overrides DESTINATION usr/share/lintian/overrides RENAME starling)

set(STARLING_MAINTAINER "Starling <starling@example.org>" CACHE STRING
    "Whom the package names for questions: NAME <ADDRESS>")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME starling)
set(CPACK_PACKAGE_CONTACT ${STARLING_MAINTAINER})
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
    GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
    "XMPP server whose nodes join and leave a cluster by themselves")
set(CPACK_PACKAGE_DESCRIPTION
"Starling carries messages, presence and contacts between the accounts of its
domains, by RFC 6120 and RFC 6121, with an archive, stream management and
what else today's clients expect. One node keeps all in SQLite.
.
Nodes that share a PostgreSQL database are a cluster, without a master: start
one and it is in, stop one and it has left, and its users' sessions go on
elsewhere.")
# Libraries are found by dpkg-shlibdeps. A node starts a nats-server of its own as soon as it has
# others to talk to; one that is alone never does.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS nats-server)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm
    ${debian}/postrm)
include(CPack)
